// SPDX-License-Identifier: MIT
// avx512_lanes.hpp - 16 partial sums, and the products of nonzeros.
#pragma once
#include <immintrin.h>

#include "kernels/tile.hpp"

#include "avx2_lanes16.hpp"

namespace densq {
namespace {

// The first `count` of 16 lanes.
static DENSQ_INLINE __mmask16 mask_first(uint32_t count) {
    return static_cast<__mmask16>(count < 16 ? (1u << count) - 1 : 0xFFFFu);
}

struct Lanes16 {
    using Vector = __m512;
    static constexpr int kTransposedBatch = 8;

    static DENSQ_INLINE __m512 zero() { return _mm512_setzero_ps(); }

    static DENSQ_INLINE __m512 scaled(__m512 v, float factor) {
        return _mm512_mul_ps(v, _mm512_set1_ps(factor));
    }

    static DENSQ_INLINE __m512 sum_of_products(__m512 v, float factor, const float *other,
                                               float other_factor) {
        return _mm512_fmadd_ps(_mm512_loadu_ps(other), _mm512_set1_ps(other_factor),
                               scaled(v, factor));
    }

    static DENSQ_INLINE float sum(__m512 v) {
        return Lanes2x8::sum({{_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)}});
    }

    static DENSQ_INLINE void scale_products(float *products, const uint16_t *val, uint32_t count) {
        for (uint32_t i = 0; i < count; i += 16) {
            const __m512 factor =
                _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask_first(count - i), val + i));
            _mm512_storeu_ps(products + i, _mm512_mul_ps(factor, _mm512_loadu_ps(products + i)));
        }
    }

    template <typename Col>
    static DENSQ_INLINE void scale_transposed(const uint16_t *val, const Col *col,
                                              const float *columns, float *out, uint32_t stride) {
        scale_transposed_8(val, col, columns, out, stride);
    }

    template <int batch>
    static DENSQ_INLINE void add_products(__m512 *v, const float *products, uint32_t stride,
                                          uint32_t count) {
        for (uint32_t i = 0; i < count; i += 16) {
            const __mmask16 mask = mask_first(count - i);
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                const float *at = products + static_cast<uint32_t>(b) * stride + i;
                v[b] = _mm512_add_ps(v[b], _mm512_maskz_loadu_ps(mask, at));
            }
        }
    }

    // Transposes as it adds: 4 rows to the 4 floats of every 128-bit part, then the parts.
    static DENSQ_INLINE void sum_16(const __m512 *v, size_t stride, float *out) {
        __m512 quad[4];
        for (size_t q = 0; q < 4; ++q) {
            const __m512 a = v[(4 * q + 0) * stride], b = v[(4 * q + 1) * stride];
            const __m512 c = v[(4 * q + 2) * stride], d = v[(4 * q + 3) * stride];
            const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            const __m512d ab2 = _mm512_castps_pd(ab), cd2 = _mm512_castps_pd(cd);
            quad[q] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(ab2, cd2)),
                                    _mm512_castpd_ps(_mm512_unpackhi_pd(ab2, cd2)));
        }
        const __m512 low = add_parts(quad[0], quad[1]), high = add_parts(quad[2], quad[3]);
        _mm512_storeu_ps(out, add_parts(low, high));
    }

private:
    static DENSQ_INLINE __m512 add_parts(__m512 a, __m512 b) {
        return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(2, 0, 2, 0)),
                             _mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
    }
};

}  // namespace
}  // namespace densq
