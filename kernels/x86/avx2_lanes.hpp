// SPDX-License-Identifier: MIT
// avx2_lanes.hpp - 8 partial sums, and the products of nonzeros.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "kernels/tile.hpp"

namespace densq {
namespace {

// All ones in the first `count` of 8 lanes.
static DENSQ_INLINE __m256i first_lanes(uint32_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < 8 ? count : 8)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// The first `count` (up to 8) floats at `x`, zeros after them.
static DENSQ_INLINE __m256 load_first(const float *x, uint32_t count) {
    return count >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first_lanes(count));
}

struct Lanes8 {
    using Vector = __m256;
    static constexpr int kTransposedBatch = 4;

    static DENSQ_INLINE __m256 zero() { return _mm256_setzero_ps(); }

    static DENSQ_INLINE __m256 scaled(__m256 v, float factor) {
        return _mm256_mul_ps(v, _mm256_set1_ps(factor));
    }

    static DENSQ_INLINE float sum(__m256 v) {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }

    static DENSQ_INLINE void scale_products(float *products, const uint16_t *val, uint32_t count) {
        uint32_t i = 0;
        for (; count - i >= 8; i += 8) {
            const __m256 factor =
                _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(val + i)));
            _mm256_storeu_ps(products + i, _mm256_mul_ps(factor, _mm256_loadu_ps(products + i)));
        }
        for (; i < count; ++i) products[i] *= _cvtsh_ss(val[i]);
    }

    template <typename Col>
    static DENSQ_INLINE void scale_transposed(const uint16_t *val, const Col *col,
                                              const float *columns, float *out, uint32_t stride) {
        __m128 column[4];
        DENSQ_UNROLL
        for (uint32_t k = 0; k < 4; ++k)
            column[k] = _mm_loadu_ps(columns + static_cast<size_t>(col[k]) * 4);
        _MM_TRANSPOSE4_PS(column[0], column[1], column[2], column[3]);
        const __m128 factor = _mm_cvtph_ps(_mm_loadu_si64(val));
        DENSQ_UNROLL
        for (uint32_t b = 0; b < 4; ++b)
            _mm_storeu_ps(out + b * stride, _mm_mul_ps(factor, column[b]));
    }

    template <int batch>
    static DENSQ_INLINE void add_products(__m256 *v, const float *products, uint32_t stride,
                                          uint32_t count) {
        for (uint32_t i = 0; i < count; i += 8) {
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                const float *at = products + static_cast<uint32_t>(b) * stride + i;
                v[b] = _mm256_add_ps(v[b], load_first(at, count - i));
            }
        }
    }

    static DENSQ_INLINE void sum_16(const __m256 *v, size_t stride, float *out) {
        for (size_t q = 0; q < 4; ++q, v += 4 * stride) {
            const __m256 ab = _mm256_hadd_ps(v[0], v[stride]);
            const __m256 cd = _mm256_hadd_ps(v[2 * stride], v[3 * stride]);
            const __m256 abcd = _mm256_hadd_ps(ab, cd);
            _mm_storeu_ps(out + 4 * q,
                          _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
        }
    }
};

}  // namespace
}  // namespace densq
