// SPDX-License-Identifier: MIT
// avx2_lanes16.hpp - 16 partial sums in two registers, for the precision whose sums have the same
// order in all instruction sets.
#pragma once
#include "avx2_lanes.hpp"
#include "transposed_nonzeros.hpp"

namespace densq {
namespace {

struct Lanes2x8 {
    struct Vector {
        __m256 half[2];
    };
    static constexpr int kTransposedBatch = 8;

    static DENSQ_INLINE Vector zero() { return {{_mm256_setzero_ps(), _mm256_setzero_ps()}}; }

    static DENSQ_INLINE Vector sum_of_products(Vector v, float factor, const float *other,
                                               float other_factor) {
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h)
            v.half[h] =
                _mm256_fmadd_ps(_mm256_loadu_ps(other + 8 * h), _mm256_set1_ps(other_factor),
                                _mm256_mul_ps(v.half[h], _mm256_set1_ps(factor)));
        return v;
    }

    static DENSQ_INLINE float sum(Vector v) {
        __m128 half[2];
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) {
            // the even floats of each four, the odd ones, and both
            const __m256 two = _mm256_add_ps(v.half[h], _mm256_permute_ps(v.half[h], 0x4E));
            const __m256 four = _mm256_add_ps(two, _mm256_permute_ps(two, 0xB1));
            half[h] = _mm_add_ps(_mm256_castps256_ps128(four), _mm256_extractf128_ps(four, 1));
        }
        return _mm_cvtss_f32(_mm_add_ps(half[0], half[1]));
    }

    static DENSQ_INLINE void sum_16(const Vector *v, size_t stride, float *out) {
        for (size_t q = 0; q < 4; ++q, v += 4 * stride) {
            __m128 half[2];
            DENSQ_UNROLL
            for (int h = 0; h < 2; ++h) {
                const __m256 a = v[0].half[h], b = v[stride].half[h];
                const __m256 c = v[2 * stride].half[h], d = v[3 * stride].half[h];
                const __m256d ab = _mm256_castps_pd(
                    _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)));
                const __m256d cd = _mm256_castps_pd(
                    _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d)));
                const __m256 four = _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                                                  _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)));
                half[h] = _mm_add_ps(_mm256_castps256_ps128(four), _mm256_extractf128_ps(four, 1));
            }
            _mm_storeu_ps(out + 4 * q, _mm_add_ps(half[0], half[1]));
        }
    }

    static DENSQ_INLINE void scale_products(float *products, const uint16_t *val, uint32_t count) {
        Lanes8::scale_products(products, val, count);
    }

    template <typename Col>
    static DENSQ_INLINE void scale_transposed(const uint16_t *val, const Col *col,
                                              const float *columns, float *out, uint32_t stride) {
        scale_transposed_8(val, col, columns, out, stride);
    }

    template <int batch>
    static DENSQ_INLINE void add_products(Vector *v, const float *products, uint32_t stride,
                                          uint32_t count) {
        for (uint32_t i = 0; i < count; i += 16) {
            const uint32_t left = count - i;
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                const float *at = products + static_cast<uint32_t>(b) * stride + i;
                v[b].half[0] = _mm256_add_ps(v[b].half[0], load_first(at, left));
                v[b].half[1] =
                    _mm256_add_ps(v[b].half[1], load_first(at + 8, left < 8 ? 0 : left - 8));
            }
        }
    }
};

}  // namespace
}  // namespace densq
