// SPDX-License-Identifier: MIT
// transposed_nonzeros.hpp - the products of 8 nonzeros with 8 vectors, transposed in registers.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/compiler.hpp"

namespace densq {
namespace {

static DENSQ_INLINE void transpose_8(__m256 *v) {
    __m256 pair[8], quad[8];
    DENSQ_UNROLL
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    DENSQ_UNROLL
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
        quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
        quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
        quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
    }
    DENSQ_UNROLL
    for (int i = 0; i < 4; ++i) {
        constexpr int kLowHalves = 0x20, kHighHalves = 0x31;
        v[i] = _mm256_permute2f128_ps(quad[i], quad[i + 4], kLowHalves);
        v[i + 4] = _mm256_permute2f128_ps(quad[i], quad[i + 4], kHighHalves);
    }
}

// Lanes::scale_transposed for 8 vectors.
template <typename Col>
static DENSQ_INLINE void scale_transposed_8(const uint16_t *val, const Col *col,
                                            const float *columns, float *out, uint32_t stride) {
    __m256 column[8];
    DENSQ_UNROLL
    for (uint32_t k = 0; k < 8; ++k)
        column[k] = _mm256_loadu_ps(columns + static_cast<size_t>(col[k]) * 8);
    transpose_8(column);
    const __m256 factor = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(val)));
    DENSQ_UNROLL
    for (uint32_t b = 0; b < 8; ++b)
        _mm256_storeu_ps(out + b * stride, _mm256_mul_ps(factor, column[b]));
}

}  // namespace
}  // namespace densq
