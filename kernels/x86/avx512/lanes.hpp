// SPDX-License-Identifier: MIT
// lanes.hpp - 16 partial sums, and the products of nonzeros with gathered activations.
#pragma once
#include <immintrin.h>

#include "kernels/tile.hpp"

namespace densq {
namespace {

// The first `count` of 16 lanes.
static DENSQ_INLINE __mmask16 first_lanes(uint32_t count) {
    return static_cast<__mmask16>(count < 16 ? (1u << count) - 1 : 0xFFFFu);
}

struct Lanes16 {
    using Vector = __m512;

    static DENSQ_INLINE __m512 zero() { return _mm512_setzero_ps(); }

    static DENSQ_INLINE __m512 scaled(__m512 v, float factor) {
        return _mm512_mul_ps(v, _mm512_set1_ps(factor));
    }

    static DENSQ_INLINE float sum(__m512 v) { return _mm512_reduce_add_ps(v); }

    using Product = float;

    // Writes whole vectors.
    template <typename Col>
    static DENSQ_INLINE void multiply_nonzeros(const uint16_t *val, const Col *col, uint32_t count,
                                               const float *x, float *products) {
        for (uint32_t i = 0; i < count; i += 16) {
            const __mmask16 mask = first_lanes(count - i);
            __m512i index;
            if constexpr (sizeof(Col) == 2)
                index = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, col + i));
            else
                index = _mm512_maskz_loadu_epi32(mask, col + i);
            const __m512 factor = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, val + i));
            const __m512 gathered =
                _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, index, x, 4);
            _mm512_storeu_ps(products + i, _mm512_mul_ps(factor, gathered));
        }
    }

    static DENSQ_INLINE __m512 add_products(__m512 v, const float *products, uint32_t count) {
        for (uint32_t i = 0; i < count; i += 16)
            v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(first_lanes(count - i), products + i));
        return v;
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
        return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
    }
};

}  // namespace
}  // namespace densq
