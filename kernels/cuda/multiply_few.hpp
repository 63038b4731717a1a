// SPDX-License-Identifier: MIT
// multiply_few.hpp - the product with few vectors, whose time is that of reading the matrix.
//
// A thread block multiplies a tile of 16 rows: each of its warps a slice of the columns, then the
// warps' sums are added.  Meanwhile each warp adds up the nonzeros of two rows.
#pragma once
#include "kernels/cuda/activation_source.hpp"
#include "kernels/cuda/decode_codes.hpp"

namespace densq::cuda {

constexpr uint32_t kFewThreads = kSlices * kWarpThreads;
constexpr uint32_t kFewStride = DENSQ_TILE_ROWS + 4;  // of parts: lanes of a fragment get all banks

// A warp's nonzeros of rows 2w and 2w + 1 of the tile: lanes 0..15 and 16..31 add up a row each.
template <bool heavy_rows>
DENSQ_DEVICE void sum_nonzeros(const Product &product, uint32_t tile, Shared<float> sums) {
    const PackedMatrix &matrix = product.matrix;
    const uint32_t tile_row = lane_index() / kRowLanes + 2 * warp_index();
    const uint32_t row = tile * DENSQ_TILE_ROWS + tile_row, lane = lane_index() % kRowLanes;
    const RowNonzeros nonzeros = find_nonzeros<heavy_rows>(matrix, row);
    for (uint32_t vector = 0; vector < product.prepared.vectors; ++vector) {
        float sum = 0;
        if (heavy_rows && lane == 0) sum = add_segments(matrix, product.prepared, nonzeros, vector);
        for (uint32_t i = nonzeros.begin + lane; i < nonzeros.end; i += kRowLanes) {
            const Nonzero nonzero = load_nonzero(matrix, i);
            sum = fused_multiply_add(nonzero.value, product.activations.load(vector, nonzero.col),
                                     sum);
        }
        DENSQ_DEVICE_UNROLL
        for (uint32_t bits = kRowLanes / 2; bits; bits /= 2) sum += shuffle_xor(sum, bits);
        if (lane == 0) sums.store(vector * DENSQ_TILE_ROWS + tile_row, sum);
    }
}

// The dense sums of a warp's slice.
template <uint32_t bits, typename Source>
DENSQ_DEVICE void multiply_slice(const Product &product, uint32_t tile, SpanCodes<bits> &codes,
                                 Slice slice, const U32x4 *packets, Source &source,
                                 float (&sums)[Source::kCount][4]) {
    constexpr uint32_t kSpanPackets = bits * kWarpThreads;  // of a span
    RowTable<bits> tables[2];
    load_tables(product.matrix, tile, tables);
    for (uint32_t span = slice.begin; span < slice.end; ++span) {
        // Behind the last span, this span again: what is loaded then is not used.
        const bool last = span + 1 == slice.end;
        const U32x4 *next = packets + (last ? 0 : kSpanPackets);
        float span_sums[Source::kCount][4] = {};
        source.begin_span(last);
        DENSQ_DEVICE_UNROLL
        for (uint32_t unit = 0; unit < kSpanUnits; ++unit) {
            U32x4 b[Source::kCount];
            source.load(unit, b);
            const EightCodes top = codes.eight(unit, 0), bottom = codes.eight(unit, 1);
            codes.replace_after(unit, next);
            multiply_unit(tables, top, bottom, b, span_sums);
        }
        source.add_span(span_sums, sums);
        packets = next;
    }
}

// The shared memory of a warp: first that of its source, at the end its sums [part][row].
template <typename Source>
DENSQ_HOST_DEVICE constexpr uint32_t words_of_warp() {
    constexpr uint32_t kSums = 8 * Source::kCount * kFewStride;
    return kSums > Source::kWords ? kSums : Source::kWords;
}

// Adds the slices' sums and stores the tile's outputs.
template <uint32_t warp_words>
DENSQ_DEVICE void store_tile(const Product &product, uint32_t tile, Shared<float> partial,
                             Shared<float> sparse) {
    const uint32_t tile_row = thread_index() % DENSQ_TILE_ROWS,
                   row = tile * DENSQ_TILE_ROWS + tile_row;
    if (row >= product.matrix.rows) return;
    for (uint32_t vector = thread_index() / DENSQ_TILE_ROWS; vector < product.prepared.vectors;
         vector += kFewThreads / DENSQ_TILE_ROWS) {
        float y = 0;
        for (uint32_t part = 0; part < product.parts_of_vector; ++part) {
            const uint32_t at = (vector * product.parts_of_vector + part) * kFewStride + tile_row;
            float groups[kSliceGroups] = {};
            DENSQ_DEVICE_UNROLL
            for (uint32_t s = 0; s < kSlices; ++s)
                groups[s / kGroupSlices] += partial.load(s * warp_words + at);
            y += groups[0] + groups[1];
        }
        if (product.matrix.row_ptr) y += sparse.load(vector * DENSQ_TILE_ROWS + tile_row);
        product.outputs.store(vector, row, y);
    }
}

template <uint32_t bits, typename Source>
DENSQ_DEVICE void multiply_tile(const Product &product) {
    constexpr uint32_t kWarpWords = words_of_warp<Source>();
    DENSQ_SHARED(float, partial, (kSlices * kWarpWords));
    DENSQ_SHARED(float, sparse, DENSQ_TILE_ROWS * 8 * Source::kCount);
    const Shared<float> own = partial.from(warp_index() * kWarpWords);
    const uint32_t tile = thread_block_index().x, spans = product.matrix.spans;
    const Slice slice = find_slice(spans, warp_index());
    const U32x4 *packets = static_cast<const U32x4 *>(product.matrix.codes) +
                           (static_cast<size_t>(tile) * spans + slice.begin) * bits * kWarpThreads +
                           lane_index();
    SpanCodes<bits> codes = {};
    Source source(product, slice.begin, shared_as<uint32_t>(own));
    if (slice.begin < slice.end) codes.load_all(packets);  // in flight during the sparse part
    if (product.matrix.row_ptr) sum_nonzeros<Source::kHeavyRows>(product, tile, sparse);

    float sums[Source::kCount][4] = {};
    multiply_slice(product, tile, codes, slice, packets, source, sums);
    sync_warp();  // until all lanes have read what the source put there
    DENSQ_DEVICE_UNROLL
    for (uint32_t j = 0; j < Source::kCount; ++j) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < 4; ++i)
            own.store(fragment_part(j, i) * kFewStride + fragment_row(i), sums[j][i]);
    }
    sync_thread_block();
    store_tile<kWarpWords>(product, tile, partial, sparse);
}

template <uint32_t bits, uint32_t count>
DENSQ_KERNEL(kFewThreads, bits < 4 && count == 1 ? 3 : 2)
void multiply_few(Product product) {
    multiply_tile<bits, PreparedSource<count>>(product);
}

// For one vector, which is read from the caller's memory, and no heavy rows.
template <uint32_t bits, bool exact>
DENSQ_KERNEL(kFewThreads, 3)
void multiply_one(Product product) {
    multiply_tile<bits, OwnSource<exact>>(product);
}

}  // namespace densq::cuda
