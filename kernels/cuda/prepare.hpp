// SPDX-License-Identifier: MIT
// prepare.hpp - the kernel that runs before the product: activations become fragments, and the
// segments of heavy rows are summed.
//
// Activations become halves, scaled by a power of two for each vector and block of 256 columns so
// that the largest lies in [2^13, 2^14).  For the exact precision a second vector of halves holds
// what the first has rounded off.  An infinity or a NaN gives the scale NaN.
#pragma once
#include "kernels/cuda/elements.hpp"

namespace densq::cuda {

constexpr uint32_t kPrepareThreads = 256;
constexpr uint32_t kPrepareWarps = kPrepareThreads / kWarpThreads;

// What lies in the workspace, for one launch of the product.  A part is a vector of halves: vector
// v is part v, or parts 2v and 2v + 1 if exact.
struct Prepared {
    U32x4 *halves;         // uint16_t [parts][blocks][256]
    U32x2 *scales;         // float [blocks][scale_pairs][2], of parts; past the last part 0
    float *segment_sums;   // [vectors][segments]
    float *columns;        // [cols][column_stride] of F32 vectors, or NULL; past the last vector 0
    uint32_t vectors, parts;
    uint32_t scale_pairs, column_stride;
};

struct Scale {
    float to_halves, back;
};

// Of a block with this largest magnitude.  Exponents are clamped so that both are normal numbers;
// even subnormal activations then are multiples of the smallest half.
DENSQ_DEVICE Scale scale_for(float largest) {
    uint32_t exponent = bits_from_float(largest) >> 23;
    if (exponent < 14) exponent = 14;
    return {float_from_bits((267 - exponent) << 23), float_from_bits((exponent - 13) << 23)};
}

DENSQ_DEVICE float warp_max(float value) {
    DENSQ_DEVICE_UNROLL
    for (uint32_t bits = 16; bits; bits /= 2) {
        const float other = shuffle_xor(value, bits);
        value = other > value ? other : value;
    }
    return value;
}

// One warp: a block of a vector; lane l takes columns l, l + 32, ...
template <bool exact>
DENSQ_DEVICE void prepare_block(const Activations &activations, const Prepared &prepared,
                                const PackedMatrix &matrix, uint32_t block, uint32_t vector) {
    constexpr uint32_t kParts = exact ? 2 : 1, kEach = kBlockCols / kWarpThreads;
    const uint32_t first = block * kBlockCols + lane_index();
    float x[kEach], largest = 0;
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < kEach; ++i) {
        const uint32_t col = first + i * kWarpThreads;
        const bool there = col < matrix.cols && vector < prepared.vectors;
        x[i] = there ? activations.load(vector, col) : 0;
        const float magnitude = float_from_bits(bits_from_float(x[i]) & 0x7FFFFFFFu);
        // As integers, magnitudes are ordered like floats and NaN is above all.
        if (bits_from_float(magnitude) > bits_from_float(largest)) largest = magnitude;
        if (prepared.columns && col < matrix.cols)
            store(prepared.columns + static_cast<size_t>(col) * prepared.column_stride + vector,
                  x[i]);
    }
    const bool finite = warp_ballot(bits_from_float(largest) >= 0x7F800000u) == 0;
    const Scale scale = scale_for(warp_max(finite ? largest : 0));
    if (lane_index() < kParts)
        store(reinterpret_cast<float *>(prepared.scales) +
                  static_cast<size_t>(block) * prepared.scale_pairs * 2 + vector * kParts +
                  lane_index(),
              !finite ? float_from_bits(0x7FC00000u) : vector < prepared.vectors ? scale.back : 0);
    if (vector >= prepared.vectors) return;
    const size_t padded = static_cast<size_t>(matrix.blocks) * kBlockCols;
    uint16_t *out = reinterpret_cast<uint16_t *>(prepared.halves) + vector * kParts * padded + first;
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < kEach; ++i) {
        const float scaled = finite ? x[i] * scale.to_halves : 0;
        const uint16_t high = half_from_float(scaled);
        store(out + i * kWarpThreads, high);
        if constexpr (exact)
            store(out + padded + i * kWarpThreads, half_from_float(scaled - float_from_half(high)));
    }
}

// One warp: a segment's product with a vector.
DENSQ_DEVICE void sum_segment(const PackedMatrix &matrix, const Activations &activations,
                              const Prepared &prepared, uint32_t segment, uint32_t vector) {
    const uint32_t end = load_readonly(matrix.segment_begin + 2 * segment + 1);
    float sum = 0;
    for (uint32_t i = load_readonly(matrix.segment_begin + 2 * segment) + lane_index(); i < end;
         i += kWarpThreads) {
        const Nonzero nonzero = load_nonzero(matrix, i);
        sum = fused_multiply_add(nonzero.value, activations.load(vector, nonzero.col), sum);
    }
    DENSQ_DEVICE_UNROLL
    for (uint32_t bits = 16; bits; bits /= 2) sum += shuffle_xor(sum, bits);
    if (lane_index() == 0)
        store(prepared.segment_sums + static_cast<size_t>(vector) * matrix.segments + segment, sum);
}

// Warps of a grid's row: first the blocks of columns, then the segments, of its vector.
template <bool exact>
DENSQ_KERNEL(kPrepareThreads, 2)
void prepare(PackedMatrix matrix, Activations activations, Prepared prepared) {
    const uint32_t item = block_index().x * kPrepareWarps + warp_index();
    const uint32_t vector = block_index().y, blocks = matrix.blocks;
    if (item < blocks) {
        prepare_block<exact>(activations, prepared, matrix, item, vector);
    } else if (item - blocks < matrix.segments && vector < prepared.vectors) {
        sum_segment(matrix, activations, prepared, item - blocks, vector);
    }
}

}  // namespace densq::cuda
