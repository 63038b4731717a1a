// SPDX-License-Identifier: MIT
// avx2_fast_prepare.hpp - activations for avx2_fast.hpp.
#pragma once
#include "kernels/prepare_activations.hpp"
#include "kernels/widths.hpp"

#include "avx2_fields.hpp"
#include "avx2_lanes.hpp"

namespace densq {
namespace {

// Quantizes `cols` (1..kSpanCols) activations into whole units of 32; returns the scale.
float quantize_span(const float *x, uint32_t cols, int16_t *out) {
    const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
    __m256i largest_bits = _mm256_setzero_si256();  // as integers, NaN is the largest of all
    for (uint32_t c = 0; c < cols; c += 8) {
        const __m256i v = _mm256_castps_si256(load_first(x + c, cols - c));
        largest_bits = _mm256_max_epu32(largest_bits, _mm256_and_si256(v, magnitude));
    }
    uint32_t lane[8], bits = 0;
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(lane), largest_bits);
    for (const uint32_t candidate : lane) bits = candidate > bits ? candidate : bits;
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    const bool finite = bits < 0x7F800000u;
    if (largest < kScaleFloor) largest = kScaleFloor;
    const __m256 inverse = _mm256_set1_ps(finite ? kFastMaxActivation / largest : 0.0f);
    for (uint32_t c = 0; c < (cols + 31) / 32 * 32; c += 8) {
        const __m256 v = c < cols ? load_first(x + c, cols - c) : _mm256_setzero_ps();
        const __m256i q = _mm256_cvtps_epi32(_mm256_mul_ps(v, inverse));
        const __m128i packed =
            _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(out + c), packed);
    }
    return finite ? largest / kFastMaxActivation : largest - largest;  // infinity - infinity is NaN
}

template <int bits, int pair = 0>
static DENSQ_INLINE void arrange_pairs(const int16_t *in, int16_t *out) {
    DENSQ_UNROLL
    for (int h = 0; h < 2; ++h) {
        const auto *low =
            reinterpret_cast<const __m256i *>(in + DENSQ_UNIT_COLS * kLowField<bits, pair>) + h;
        const auto *high =
            reinterpret_cast<const __m256i *>(in + DENSQ_UNIT_COLS * kHighField<bits, pair>) + h;
        const __m256i a = _mm256_loadu_si256(low), b = _mm256_loadu_si256(high);
        auto *to = reinterpret_cast<__m256i *>(out + 64 * pair + 32 * h);
        _mm256_storeu_si256(to, _mm256_unpacklo_epi16(a, b));
        _mm256_storeu_si256(to + 1, _mm256_unpackhi_epi16(a, b));
    }
    if constexpr (pair + 1 < kPairs) arrange_pairs<bits, pair + 1>(in, out);
}

// Rearranges a block of 512 as add_pairs meets it.
template <int bits>
void arrange_block(int16_t *block) {
    int16_t in[DENSQ_BLOCK_COLS];
    memcpy(in, block, sizeof in);
    arrange_pairs<bits>(in, block);
}

void prepare_fast(const Activations *activations, uint32_t cols, uint32_t bits) {
    with_width(bits, [=](auto width) {
        prepare_spans(activations, cols, quantize_span, arrange_block<width.value>);
    });
}

}  // namespace
}  // namespace densq
