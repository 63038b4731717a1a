// SPDX-License-Identifier: MIT
// activation_halves.hpp - activations become halves, by one warp for a span of 256 columns of a
// vector.
//
// They are scaled by a power of two so that the span's largest lies in [2^13, 2^14).  For the
// exact precision a second set of halves holds what the first has rounded off.  An infinity or a
// NaN becomes one of halves, and so spoils every sum that it is part of.
#pragma once
#include "kernels/cuda/dtypes.hpp"

namespace densq::cuda {

constexpr uint32_t kLaneCols = kSpanCols / kWarpThreads;

// Columns of a span that a lane takes: pairs, 32 of which lie side by side.
DENSQ_DEVICE uint32_t lane_col(uint32_t i) { return i / 2 * 64 + 2 * lane_index() + i % 2; }

// A lane's columns of a span, as the caller gave them: they can be on their way while other work
// is done.  Columns past the last are 0.
struct RawColumns {
    uint32_t raw[kLaneCols];

    DENSQ_DEVICE void load(const TypedActivations &activations, uint32_t cols, uint32_t span,
                           uint32_t vector) {
        const uint32_t first = span * kSpanCols + 2 * lane_index();
        const size_t at = vector * activations.stride + first;
        const uint32_t left = cols - span * kSpanCols;
        if (activations.dtype == Dtype::kF32)
            load_words(static_cast<const uint32_t *>(activations.first) + at, left);
        else
            load_words(static_cast<const uint16_t *>(activations.first) + at, left);
    }

    // To be called once.
    DENSQ_DEVICE void to_f32(Dtype dtype) {
        if (dtype == Dtype::kF32) return;
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kLaneCols; ++i) {
            const uint16_t half = static_cast<uint16_t>(raw[i]);
            raw[i] = bits_from_float(dtype == Dtype::kF16 ? float_from_half(half)
                                                          : float_from_bf16(half));
        }
    }

    DENSQ_DEVICE float f32(uint32_t i) const { return float_from_bits(raw[i]); }

private:
    // `left`: columns from the span's first on.
    template <typename T>
    DENSQ_DEVICE void load_words(const T *at, uint32_t left) {
        if (left >= kSpanCols) {
            DENSQ_DEVICE_UNROLL
            for (uint32_t i = 0; i < kLaneCols; ++i)
                raw[i] = load_readonly(at + i / 2 * 64 + i % 2);
            return;
        }
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kLaneCols; ++i)
            raw[i] = lane_col(i) < left ? load_readonly(at + i / 2 * 64 + i % 2) : 0u;
    }
};

struct SpanHalves {
    uint32_t high[kLaneCols / 2], low[kLaneCols / 2];  // pairs
    float scale;                                       // activation ~ (high + low) * scale
};

// The exponent's bits of the largest magnitude in a warp: 255 with an infinity or a NaN.
DENSQ_DEVICE uint32_t largest_exponent(const RawColumns &columns) {
    uint32_t largest = 0;  // without their sign floats are ordered like integers
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < kLaneCols; ++i) {
        const uint32_t magnitude = columns.raw[i] << 1;
        largest = magnitude > largest ? magnitude : largest;
    }
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < 5; ++i) {
        const uint32_t other = shuffle_xor(largest, 1u << i);
        largest = other > largest ? other : largest;
    }
    return largest >> 24;
}

template <bool exact>
DENSQ_DEVICE SpanHalves to_halves(const RawColumns &columns) {
    // Clamped so that the scale and its inverse are normal numbers.  Even subnormal activations
    // then are multiples of the smallest half.
    uint32_t exponent = largest_exponent(columns);
    if (exponent < 14) exponent = 14;
    const float to_halves = float_from_bits((267 - exponent) << 23);
    SpanHalves halves = {};
    halves.scale = float_from_bits((exponent - 13) << 23);
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < kLaneCols / 2; ++i) {
        const float first = columns.f32(2 * i) * to_halves;
        const float second = columns.f32(2 * i + 1) * to_halves;
        const uint32_t high = half2_from_floats(first, second);
        halves.high[i] = high;
        if constexpr (exact)
            halves.low[i] = half2_from_floats(first - float_from_low_half(high),
                                              second - float_from_high_half(high));
    }
    return halves;
}

}  // namespace densq::cuda
