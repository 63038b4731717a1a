// SPDX-License-Identifier: MIT
// neon_int8_prepare.hpp - activations as bytes with a scale for each lane: those of a block in the
// order of the bytes of a pair, those of a tail in the order of columns.
#pragma once
#include "kernels/field_pairs.hpp"
#include "kernels/prepare_activations.hpp"

#include "neon_lanes.hpp"

namespace densq {
namespace {

// The larger of each two neighbours in 8 columns; NaN if it is not finite, else at least
// kScaleFloor.
static DENSQ_INLINE float32x4_t largest_of_lanes(uint32x4_t first, uint32x4_t second) {
    const float32x4_t largest = vreinterpretq_f32_u32(vpmaxq_u32(first, second));
    const float32x4_t or_nan = vaddq_f32(largest, vsubq_f32(largest, largest));
    return vmaxq_f32(or_nan, vdupq_n_f32(kScaleFloor));
}

void find_largest(const float *x, uint32_t count, float *largest) {
    const uint32x4_t magnitude = vdupq_n_u32(0x7FFFFFFF);
    uint32x4_t most[8];  // as integers, NaN is the largest of all magnitudes
    for (uint32x4_t &four : most) four = vdupq_n_u32(0);
    for (uint32_t c = 0; c < count; c += 4) {
        const uint32x4_t v = vreinterpretq_u32_f32(load_first(x + c, count - c));
        uint32x4_t &four = most[c % DENSQ_UNIT_COLS / 4];
        four = vmaxq_u32(four, vandq_u32(v, magnitude));
    }
    for (int i = 0; i < 4; ++i)
        vst1q_f32(largest + 4 * i, largest_of_lanes(most[2 * i], most[2 * i + 1]));
}

// Integers of 8 columns that begin at column 8 * `quarter` of a unit; zeros behind `count`.
static DENSQ_INLINE int8x8_t quantize_8(const float *x, uint32_t count, float32x4_t inverse) {
    const float32x4_t low = vzip1q_f32(inverse, inverse), high = vzip2q_f32(inverse, inverse);
    const float32x4_t zeros = vdupq_n_f32(0);
    const float32x4_t first = count > 0 ? load_first(x, count) : zeros;
    const float32x4_t second = count > 4 ? load_first(x + 4, count - 4) : zeros;
    const int32x4_t a = vcvtnq_s32_f32(vmulq_f32(first, low));
    const int32x4_t b = vcvtnq_s32_f32(vmulq_f32(second, high));
    return vqmovn_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)));
}

// A quarter of a pair of a block; adds the sums of its lanes to *sum.
template <int bits, int pair = 0>
static DENSQ_INLINE void quantize_pairs(const float *x, float32x4_t inverse, int8_t *out,
                                        int32x4_t *sum) {
    const int8x8_t low = quantize_8(x + DENSQ_UNIT_COLS * kLowField<bits, pair>, 8, inverse);
    const int8x8_t high = quantize_8(x + DENSQ_UNIT_COLS * kHighField<bits, pair>, 8, inverse);
    vst2_s8(out + DENSQ_LINE_BYTES * pair, {{low, high}});
    *sum = vpadalq_s16(*sum, vaddl_s8(low, high));
    if constexpr (pair + 1 < kPairs) quantize_pairs<bits, pair + 1>(x, inverse, out, sum);
}

template <int bits>
void quantize_lanes(const float *x, uint32_t count, float divisor, float *scale, int8_t *out,
                    float *lane_sums) {
    const float32x4_t most = vdupq_n_f32(kInt8MaxActivation);
    const float32x4_t least = vdupq_n_f32(kInt8MaxActivation * divisor);
    for (uint32_t quarter = 0; quarter < 4; ++quarter) {
        const float32x4_t largest = vld1q_f32(scale + 4 * quarter);
        const float32x4_t inverse = vdivq_f32(most, largest);
        const float32x4_t lane_scale = vdivq_f32(largest, least);
        int32x4_t sum = vdupq_n_s32(0);
        if (count == DENSQ_BLOCK_COLS) {
            quantize_pairs<bits>(x + 8 * quarter, inverse, out + 16 * quarter, &sum);
        } else {
            for (uint32_t c = 8 * quarter; c < prepared_cols(count); c += DENSQ_UNIT_COLS) {
                const int8x8_t bytes = quantize_8(x + c, c < count ? count - c : 0, inverse);
                vst1_s8(out + c, bytes);
                sum = vpadalq_s16(sum, vmovl_s8(bytes));
            }
        }
        float *at = lane_sums + 4 * quarter;
        vst1q_f32(at, vfmaq_f32(vld1q_f32(at), vcvtq_f32_s32(sum), lane_scale));
        vst1q_f32(scale + 4 * quarter, lane_scale);
    }
}

void prepare_int8(const Activations *activations, uint32_t cols, uint32_t bits) {
    with_width(bits, [=](auto width) {
        prepare_lanes(activations, cols, find_largest, quantize_lanes<width.value>);
    });
}

}  // namespace
}  // namespace densq
