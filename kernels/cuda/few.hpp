// SPDX-License-Identifier: MIT
// few.hpp - the product with few vectors, whose time is that of reading the matrix.
//
// A block multiplies a tile of 16 rows: each of its warps a slice of the columns, then the warps'
// sums are added.  Meanwhile each warp adds up the nonzeros of two rows.
#pragma once
#include "kernels/cuda/decode.hpp"
#include "kernels/cuda/prepare.hpp"
#include "kernels/cuda/slices.hpp"

namespace densq::cuda {

constexpr uint32_t kFewThreads = kSlices * kWarpThreads;

// A warp's nonzeros of rows 2w and 2w + 1 of the tile: lanes 0..15 and 16..31 add up a row each.
DENSQ_DEVICE void sum_nonzeros(const Product &product, uint32_t tile, Shared<float> sums) {
    const PackedMatrix &matrix = product.matrix;
    const uint32_t tile_row = lane_index() / kRowLanes + 2 * warp_index();
    const uint32_t row = tile * kTileRows + tile_row, lane = lane_index() % kRowLanes;
    const RowNonzeros nonzeros = find_nonzeros(matrix, row);
    for (uint32_t vector = 0; vector < product.prepared.vectors; ++vector) {
        float sum = 0;
        if (lane == 0) sum = add_segments(matrix, product.prepared, nonzeros, vector);
        for (uint32_t i = nonzeros.begin + lane; i < nonzeros.end; i += kRowLanes) {
            const Nonzero nonzero = load_nonzero(matrix, i);
            sum = fused_multiply_add(nonzero.value,
                                     product.activations.load(vector, nonzero.col), sum);
        }
        DENSQ_DEVICE_UNROLL
        for (uint32_t bits = kRowLanes / 2; bits; bits /= 2) sum += shuffle_xor(sum, bits);
        if (lane == 0) sums.store(vector * kTileRows + tile_row, sum);
    }
}

// Where a lane reads its activations, 8 parts at a time, from a block on.  Parts that are not there
// are read as part 0, which costs nothing; what they give is not used.
template <uint32_t count>
struct PartCursor {
    const U32x4 *at[count];

    DENSQ_DEVICE PartCursor(const Product &product, uint32_t block) {
        constexpr uint32_t kHalves = 8;  // of a load
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) {
            const uint32_t part = 8 * j + lane_index() / 4;
            const size_t row = part < product.prepared.parts ? part : 0;
            at[j] = product.prepared.halves +
                    (row * product.matrix.blocks + block) * (kBlockCols / kHalves) +
                    lane_index() % 4;
        }
    }

    DENSQ_DEVICE void load(uint32_t unit, U32x4 (&b)[count]) const {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) b[j] = load_readonly(at[j] + 4 * unit);
    }

    DENSQ_DEVICE void next_block() {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) at[j] += 4 * kBlockUnits;
    }
};

// The dense sums of a warp's slice.
template <uint32_t bits, uint32_t count>
DENSQ_DEVICE void multiply_slice(const Product &product, uint32_t tile, BlockCodes<bits> &codes,
                                 Slice slice, const U32x4 *chunks, float (&sums)[count][4]) {
    constexpr uint32_t kChunks = bits * kWarpThreads;  // of a block
    RowTable<bits> tables[2];
    const uint32_t row = tile * kTileRows + lane_index() / 4;
    tables[0].load(product.matrix.tables, row);
    tables[1].load(product.matrix.tables, row + 8);
    PartCursor<count> parts(product, slice.begin);
    ScaleCursor scales(product.prepared, slice.begin, 0);
    for (uint32_t block = slice.begin; block < slice.end; ++block) {
        // Behind the last block, this block again: what is loaded then is not used.
        const U32x4 *next = chunks + (block + 1 < slice.end ? kChunks : 0);
        float block_sums[count][4] = {};
        DENSQ_DEVICE_UNROLL
        for (uint32_t unit = 0; unit < kBlockUnits; ++unit) {
            U32x4 b[count];
            parts.load(unit, b);
            const EightCodes top = codes.eight(unit, 0), bottom = codes.eight(unit, 1);
            codes.replace_after(unit, next);
            multiply_unit(tables, top, bottom, b, block_sums);
        }
        scales.add_block(block_sums, sums);
        parts.next_block();
        chunks = next;
    }
}

template <uint32_t bits, uint32_t count>
DENSQ_KERNEL(kFewThreads, bits < 4 && count == 1 ? 3 : 2)
void multiply_few(Product product) {
    constexpr uint32_t kParts = 8 * count;
    constexpr uint32_t kStride = kTileRows + 4;  // lanes of a fragment get all banks
    DENSQ_SHARED(float, partial, kSlices * kParts * kStride);
    DENSQ_SHARED(float, sparse, kTileRows * kParts);
    const uint32_t tile = block_index().x, blocks = product.matrix.blocks;
    const Slice slice = find_slice(blocks, warp_index());
    const U32x4 *chunks = static_cast<const U32x4 *>(product.matrix.codes) +
                          (static_cast<size_t>(tile) * blocks + slice.begin) * bits * kWarpThreads +
                          lane_index();
    BlockCodes<bits> codes = {};
    if (slice.begin < slice.end) codes.load_all(chunks);  // in flight during the sparse part
    if (product.matrix.row_ptr) sum_nonzeros(product, tile, sparse);

    float sums[count][4] = {};
    multiply_slice(product, tile, codes, slice, chunks, sums);
    DENSQ_DEVICE_UNROLL
    for (uint32_t j = 0; j < count; ++j)
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < 4; ++i)
            partial.store((warp_index() * kParts + fragment_part(j, i)) * kStride + fragment_row(i),
                          sums[j][i]);
    sync_block();

    const uint32_t tile_row = thread_index() % kTileRows, row = tile * kTileRows + tile_row;
    for (uint32_t vector = thread_index() / kTileRows; vector < product.prepared.vectors;
         vector += kFewThreads / kTileRows) {
        float y = 0;
        for (uint32_t part = 0; part < product.parts_of_vector; ++part) {
            const uint32_t at = (vector * product.parts_of_vector + part) * kStride + tile_row;
            float groups[kSliceGroups] = {};
            DENSQ_DEVICE_UNROLL
            for (uint32_t s = 0; s < kSlices; ++s)
                groups[s / kGroupSlices] += partial.load(s * kParts * kStride + at);
            y += groups[0] + groups[1];
        }
        if (product.matrix.row_ptr) y += sparse.load(vector * kTileRows + tile_row);
        if (row < product.matrix.rows) product.outputs.store(vector, row, y);
    }
}

}  // namespace densq::cuda
