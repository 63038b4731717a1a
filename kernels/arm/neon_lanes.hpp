// SPDX-License-Identifier: MIT
// neon_lanes.hpp - 8 partial sums, and the products of nonzeros.
#pragma once
#include <arm_neon.h>
#include <string.h>

#include "kernels/tile.hpp"

namespace densq {
namespace {

// The first `count` (up to 4) floats at `x`, zeros after them.  Reads no others.
static DENSQ_INLINE float32x4_t load_first(const float *x, uint32_t count) {
    if (count >= 4) return vld1q_f32(x);
    float first[4] = {};
    for (uint32_t i = 0; i < count; ++i) first[i] = x[i];
    return vld1q_f32(first);
}

// All ones in the first `count` of 4 lanes.
static DENSQ_INLINE uint32x4_t first_lanes(uint32_t count) {
    static constexpr uint32_t kNumbers[] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(kNumbers), vdupq_n_u32(count));
}

struct Lanes8 {
    using Vector = float32x4x2_t;
    static constexpr int kTransposedBatch = 4;

    static DENSQ_INLINE Vector zero() { return {{vdupq_n_f32(0), vdupq_n_f32(0)}}; }

    static DENSQ_INLINE Vector scaled(Vector v, float factor) {
        return {{vmulq_n_f32(v.val[0], factor), vmulq_n_f32(v.val[1], factor)}};
    }

    static DENSQ_INLINE float sum(Vector v) { return vaddvq_f32(vaddq_f32(v.val[0], v.val[1])); }

    static DENSQ_INLINE void scale_products(float *products, const uint16_t *val, uint32_t count) {
        uint32_t i = 0;
        for (; count - i >= 4; i += 4)
            vst1q_f32(products + i, vmulq_f32(load_halves(val + i), vld1q_f32(products + i)));
        for (; i < count; ++i) {
            float16_t factor;
            memcpy(&factor, val + i, sizeof factor);
            products[i] *= static_cast<float>(factor);
        }
    }

    template <typename Col>
    static DENSQ_INLINE void scale_transposed(const uint16_t *val, const Col *col,
                                              const float *columns, float *out, uint32_t stride) {
        float32x4_t column[4];
        DENSQ_UNROLL
        for (uint32_t k = 0; k < 4; ++k)
            column[k] = vld1q_f32(columns + static_cast<size_t>(col[k]) * 4);
        transpose_4(column);
        const float32x4_t factor = load_halves(val);
        DENSQ_UNROLL
        for (uint32_t b = 0; b < 4; ++b) vst1q_f32(out + b * stride, vmulq_f32(factor, column[b]));
    }

    template <int batch>
    static DENSQ_INLINE void add_products(Vector *v, const float *products, uint32_t stride,
                                          uint32_t count) {
        for (uint32_t i = 0; i < count; i += 8) {
            const uint32_t left = count - i;
            const uint32x4_t mask[2] = {first_lanes(left), first_lanes(left < 4 ? 0 : left - 4)};
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                DENSQ_UNROLL
                for (uint32_t half = 0; half < 2; ++half) {
                    const float *at = products + static_cast<uint32_t>(b) * stride + i + 4 * half;
                    const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(at));
                    v[b].val[half] = vaddq_f32(v[b].val[half],
                                               vreinterpretq_f32_u32(vandq_u32(bits, mask[half])));
                }
            }
        }
    }

    static DENSQ_INLINE void sum_16(const Vector *v, size_t stride, float *out) {
        for (size_t q = 0; q < 4; ++q, v += 4 * stride) {
            float32x4_t row[4];
            DENSQ_UNROLL
            for (size_t i = 0; i < 4; ++i)
                row[i] = vaddq_f32(v[i * stride].val[0], v[i * stride].val[1]);
            vst1q_f32(out + 4 * q,
                      vpaddq_f32(vpaddq_f32(row[0], row[1]), vpaddq_f32(row[2], row[3])));
        }
    }

private:
    static DENSQ_INLINE float32x4_t load_halves(const uint16_t *at) {
        return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(at)));
    }

    static DENSQ_INLINE void transpose_4(float32x4_t *v) {
        const float64x2_t ab_even = vreinterpretq_f64_f32(vtrn1q_f32(v[0], v[1]));
        const float64x2_t ab_odd = vreinterpretq_f64_f32(vtrn2q_f32(v[0], v[1]));
        const float64x2_t cd_even = vreinterpretq_f64_f32(vtrn1q_f32(v[2], v[3]));
        const float64x2_t cd_odd = vreinterpretq_f64_f32(vtrn2q_f32(v[2], v[3]));
        v[0] = vreinterpretq_f32_f64(vtrn1q_f64(ab_even, cd_even));
        v[1] = vreinterpretq_f32_f64(vtrn1q_f64(ab_odd, cd_odd));
        v[2] = vreinterpretq_f32_f64(vtrn2q_f64(ab_even, cd_even));
        v[3] = vreinterpretq_f32_f64(vtrn2q_f64(ab_odd, cd_odd));
    }
};

}  // namespace
}  // namespace densq
