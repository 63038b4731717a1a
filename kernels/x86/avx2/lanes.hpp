// SPDX-License-Identifier: MIT
// lanes.hpp - 8 partial sums, and the products of a row's nonzeros with gathered activations.
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

    static DENSQ_INLINE __m256 zero() { return _mm256_setzero_ps(); }

    static DENSQ_INLINE __m256 scaled(__m256 v, float factor) {
        return _mm256_mul_ps(v, _mm256_set1_ps(factor));
    }

    static DENSQ_INLINE float sum(__m256 v) {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }

    template <typename Col, int batch>
    static DENSQ_INLINE void add_nonzeros(const Matrix *matrix, const Activations *activations,
                                          uint32_t begin, uint32_t end, __m256 *sums) {
        const Col *col = static_cast<const Col *>(matrix->col);
        for (uint32_t at = begin; at < end; at += 8) {
            const uint32_t count = end - at < 8 ? end - at : 8;
            const __m128i half = load_up_to_8(matrix->val + at, count);
            __m256i index;
            if constexpr (sizeof(Col) == 2)
                index = _mm256_cvtepu16_epi32(load_up_to_8(col + at, count));
            else
                index = _mm256_maskload_epi32(reinterpret_cast<const int *>(col + at),
                                              first_lanes(count));
            const __m256 val = _mm256_cvtph_ps(half);
            const __m256 mask = _mm256_castsi256_ps(first_lanes(count));
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                const float *x = activations->x + static_cast<size_t>(b) * activations->x_stride;
                const __m256 gathered =
                    _mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, index, mask, 4);
                sums[b] = _mm256_fmadd_ps(val, gathered, sums[b]);
            }
        }
    }

    static DENSQ_INLINE void sum_16(const __m256 *v, size_t stride, float *out) {
        for (size_t q = 0; q < 4; ++q, v += 4 * stride) {
            const __m256 ab = _mm256_hadd_ps(v[0], v[stride]);
            const __m256 cd = _mm256_hadd_ps(v[2 * stride], v[3 * stride]);
            const __m256 abcd = _mm256_hadd_ps(ab, cd);
            _mm_storeu_ps(out + 4 * q, _mm_add_ps(_mm256_castps256_ps128(abcd),
                                                  _mm256_extractf128_ps(abcd, 1)));
        }
    }

private:
    static DENSQ_INLINE __m128i load_up_to_8(const uint16_t *from, uint32_t count) {
        if (count == 8) return _mm_loadu_si128(reinterpret_cast<const __m128i *>(from));
        uint16_t padded[8] = {};
        memcpy(padded, from, count * sizeof *from);
        return _mm_loadu_si128(reinterpret_cast<const __m128i *>(padded));
    }
};

}  // namespace
}  // namespace densq
