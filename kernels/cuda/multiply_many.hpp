// SPDX-License-Identifier: MIT
// multiply_many.hpp - the product with many vectors, whose time is that of the arithmetic.
//
// A thread block multiplies four tiles of 16 rows by 8 * count parts.  Each of its warps takes a
// tile and one of the two groups of slices (sum_order.hpp).
#pragma once
#include "kernels/cuda/decode_codes.hpp"
#include "kernels/cuda/staged_activations.hpp"

namespace densq::cuda {

// The sums of a warp's group of slices.
template <uint32_t count>
struct SliceGroupSums {
    float group[count][4] = {}, slice[count][4] = {};

    DENSQ_DEVICE void end_slice() {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) {
            DENSQ_DEVICE_UNROLL
            for (uint32_t i = 0; i < 4; ++i) {
                group[j][i] += slice[j][i];
                slice[j][i] = 0;
            }
        }
    }
};

// All threads of the thread block take part in the copies, the warps of rows that are not there in
// nothing else.
template <uint32_t bits, uint32_t count>
DENSQ_DEVICE void multiply_slice_group(const Product &product, Stages<count> &stages, uint32_t tile,
                                       Slice group, uint32_t first_part, uint32_t first_slice,
                                       uint32_t most_spans, SliceGroupSums<count> &sums) {
    constexpr uint32_t kSpanPackets = bits * kWarpThreads;  // of a span
    const uint32_t spans = product.matrix.spans;
    const bool there = tile * DENSQ_TILE_ROWS < product.matrix.rows;
    RowTable<bits> tables[2] = {};
    SpanCodes<bits> codes = {};
    const U32x4 *packets = static_cast<const U32x4 *>(product.matrix.codes) +
                           (static_cast<size_t>(tile) * spans + group.begin) * kSpanPackets +
                           lane_index();
    if (there) {
        load_tables(product.matrix, tile, tables);
        if (group.begin < group.end) codes.load_all(packets);
    }
    ScaleCursor scales(product.prepared, group.begin, first_part);
    uint32_t slice = first_slice;
    for (uint32_t step = 0; step < kStages - 1; ++step) stages.copy();
    for (uint32_t i = 0; i < most_spans; ++i) {
        const uint32_t span = group.begin + i;
        const bool active = there && span < group.end;
        while (active && span == find_slice(spans, slice).end) {
            sums.end_slice();
            ++slice;
        }
        const U32x4 *next = packets + (span + 1 < group.end ? kSpanPackets : 0);
        float span_sums[count][4] = {};
        DENSQ_DEVICE_UNROLL
        for (uint32_t unit = 0; unit < kSpanUnits; ++unit) {
            if (unit % kStageUnits == 0) {
                copy_async_wait<kStages - 2>();
                sync_thread_block();
                stages.copy();
            }
            if (active) {
                U32x4 b[count];
                stages.load(unit, b);
                const EightCodes top = codes.eight(unit, 0), bottom = codes.eight(unit, 1);
                codes.replace_after(unit, next);
                multiply_unit(tables, top, bottom, b, span_sums);
            }
            if (unit % kStageUnits == kStageUnits - 1) stages.next();
        }
        if (active) scales.add_span(span_sums, sums.slice);
        packets = next;
    }
    sums.end_slice();
}

// The sum of the first `count`, in the order of multiply_few.hpp's shuffles.
template <uint32_t count, uint32_t size>
DENSQ_DEVICE float add_pairwise(float (&sums)[size]) {
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < count / 2; ++i) sums[i] += sums[i + count / 2];
    if constexpr (count > 2) return add_pairwise<count / 2>(sums);
    return sums[0];
}

// The sparse part of a row for one vector.
DENSQ_DEVICE float sum_row(const Product &product, const RowNonzeros &nonzeros, uint32_t vector) {
    float sums[kRowLanes] = {};
    if (vector < product.prepared.vectors)
        sums[0] = add_segments(product.matrix, product.prepared, nonzeros, vector);
    const float *columns = product.prepared.columns + vector;
    for (uint32_t begin = nonzeros.begin; begin < nonzeros.end; begin += kRowLanes) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kRowLanes; ++i)
            if (begin + i < nonzeros.end) {
                const Nonzero nonzero = load_nonzero(product.matrix, begin + i);
                const float x = load_readonly(columns + static_cast<size_t>(nonzero.col) *
                                                            product.prepared.column_stride);
                sums[i] = fused_multiply_add(nonzero.value, x, sums[i]);
            }
    }
    return add_pairwise<kRowLanes>(sums);
}

// The sums of a thread block's rows, [group of slices][part][row]; later, in the first part of a
// vector in the first group, its outputs.
template <uint32_t count>
struct ThreadBlockSums {
    static constexpr uint32_t kParts = 8 * count;
    static constexpr uint32_t kStride = kManyRows + 4;  // lanes of a fragment get all banks

    const Product &product;
    Shared<float> memory = dynamic_shared<float>(0, (kSliceGroups * kParts * kStride));
    uint32_t first_row, first_part;

    static DENSQ_DEVICE uint32_t at(uint32_t group, uint32_t part, uint32_t row) {
        return (group * kParts + part) * kStride + row;
    }

    DENSQ_DEVICE uint32_t output_at(uint32_t vector, uint32_t row) const {
        return at(0, vector * product.parts_of_vector, row);
    }

    DENSQ_DEVICE uint32_t vectors() const { return kParts / product.parts_of_vector; }
    DENSQ_DEVICE uint32_t first_vector() const { return first_part / product.parts_of_vector; }

    DENSQ_DEVICE void store_group(uint32_t group, uint32_t tile, const float (&sums)[count][4]) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) {
            DENSQ_DEVICE_UNROLL
            for (uint32_t i = 0; i < 4; ++i)
                memory.store(
                    at(group, fragment_part(j, i), tile * DENSQ_TILE_ROWS + fragment_row(i)),
                    sums[j][i]);
        }
    }

    DENSQ_DEVICE void add_groups() {
        const uint32_t row = thread_index() % kManyRows;
        for (uint32_t vector = thread_index() / kManyRows; vector < vectors();
             vector += kManyThreads / kManyRows) {
            float y = 0;
            for (uint32_t i = 0; i < product.parts_of_vector; ++i) {
                const uint32_t part = vector * product.parts_of_vector + i;
                y += memory.load(at(0, part, row)) + memory.load(at(1, part, row));
            }
            memory.store(output_at(vector, row), y);
        }
    }

    // Warps take rows, lanes vectors.
    DENSQ_DEVICE void add_nonzeros() {
        for (uint32_t row = warp_index(); row < kManyRows; row += kManyThreads / kWarpThreads) {
            if (first_row + row >= product.matrix.rows) break;
            const RowNonzeros nonzeros = find_nonzeros<true>(product.matrix, first_row + row);
            for (uint32_t vector = lane_index(); vector < vectors(); vector += kWarpThreads) {
                const uint32_t to = output_at(vector, row);
                memory.store(to,
                             memory.load(to) + sum_row(product, nonzeros, first_vector() + vector));
            }
        }
    }

    DENSQ_DEVICE void store_outputs() {
        const uint32_t row = thread_index() % kManyRows;
        if (first_row + row >= product.matrix.rows) return;
        for (uint32_t vector = thread_index() / kManyRows; vector < vectors();
             vector += kManyThreads / kManyRows)
            if (first_vector() + vector < product.prepared.vectors)
                product.outputs.store(first_vector() + vector, first_row + row,
                                      memory.load(output_at(vector, row)));
    }
};

template <uint32_t bits, uint32_t count>
DENSQ_KERNEL(kManyThreads, count == 4 && bits < 4 ? 2 : 1)
void multiply_many(Product product) {
    const uint32_t spans = product.matrix.spans, group = warp_index() / kManyTiles;
    const uint32_t first_part = thread_block_index().y * 8 * count;
    const uint32_t first_tile = thread_block_index().x * kManyTiles,
                   warp_tile = warp_index() % kManyTiles;
    const uint32_t middle = find_slice(spans, kGroupSlices).begin;  // the second group is longer
    const Slice slice = {group ? middle : 0, group ? spans : middle};
    Stages<count> stages(product, group, slice, first_part);
    SliceGroupSums<count> sums;
    multiply_slice_group<bits>(product, stages, first_tile + warp_tile, slice, first_part,
                               group * kGroupSlices, spans - middle, sums);
    copy_async_wait<0>();
    sync_thread_block();

    ThreadBlockSums<count> rows = {
        .product = product, .first_row = first_tile * DENSQ_TILE_ROWS, .first_part = first_part};
    rows.store_group(group, warp_tile, sums.group);
    sync_thread_block();
    rows.add_groups();
    sync_thread_block();
    if (product.matrix.row_ptr) {
        rows.add_nonzeros();
        sync_thread_block();
    }
    rows.store_outputs();
}

}  // namespace densq::cuda
