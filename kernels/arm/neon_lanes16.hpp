// SPDX-License-Identifier: MIT
// neon_lanes16.hpp - 16 partial sums in four registers, for the precision whose sums have the same
// order in all instruction sets.
#pragma once
#include "neon_lanes.hpp"

namespace densq {
namespace {

struct Lanes4x4 {
    struct Vector {
        float32x4_t part[4];
    };
    static constexpr int kTransposedBatch = Lanes8::kTransposedBatch;

    static DENSQ_INLINE Vector zero() {
        const float32x4_t zeros = vdupq_n_f32(0);
        return {{zeros, zeros, zeros, zeros}};
    }

    static DENSQ_INLINE Vector sum_of_products(Vector v, float factor, const float *other,
                                               float other_factor) {
        DENSQ_UNROLL
        for (int i = 0; i < 4; ++i)
            v.part[i] =
                vfmaq_n_f32(vmulq_n_f32(v.part[i], factor), vld1q_f32(other + 4 * i), other_factor);
        return v;
    }

    static DENSQ_INLINE float sum(Vector v) {
        float four[4];
        DENSQ_UNROLL
        for (int i = 0; i < 4; ++i) {
            // the even ones, the odd ones, and both
            const float32x2_t two = vadd_f32(vget_low_f32(v.part[i]), vget_high_f32(v.part[i]));
            four[i] = vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
        }
        return (four[0] + four[1]) + (four[2] + four[3]);
    }

    static DENSQ_INLINE void sum_16(const Vector *v, size_t stride, float *out) {
        for (size_t r = 0; r < DENSQ_TILE_ROWS; ++r) out[r] = sum(v[r * stride]);
    }

    static DENSQ_INLINE void scale_products(float *products, const uint16_t *val, uint32_t count) {
        Lanes8::scale_products(products, val, count);
    }

    template <typename Col>
    static DENSQ_INLINE void scale_transposed(const uint16_t *val, const Col *col,
                                              const float *columns, float *out, uint32_t stride) {
        Lanes8::scale_transposed(val, col, columns, out, stride);
    }

    template <int batch>
    static DENSQ_INLINE void add_products(Vector *v, const float *products, uint32_t stride,
                                          uint32_t count) {
        for (uint32_t i = 0; i < count; i += kBlockLanes) {
            DENSQ_UNROLL
            for (uint32_t part = 0; part < 4; ++part) {
                const uint32_t before = i + 4 * part;
                const uint32x4_t mask = first_lanes(count < before ? 0 : count - before);
                DENSQ_UNROLL
                for (int b = 0; b < batch; ++b) {
                    const float *at = products + static_cast<uint32_t>(b) * stride + before;
                    const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(at));
                    v[b].part[part] =
                        vaddq_f32(v[b].part[part], vreinterpretq_f32_u32(vandq_u32(bits, mask)));
                }
            }
        }
    }
};

}  // namespace
}  // namespace densq
