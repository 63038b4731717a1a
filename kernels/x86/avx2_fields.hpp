// SPDX-License-Identifier: MIT
// avx2_fields.hpp - the codes of a group for AVX2, which looks up bytes (vpshufb) or 8 floats
// (vpermps).
//
// A line is two halves of 16 slots.  One shift and mask give a pair of fields
// (kernels/field_pairs.hpp).
#pragma once
#include <immintrin.h>

#include "kernels/field_pairs.hpp"
#include "kernels/tile.hpp"

namespace densq {
namespace {

static_assert(DENSQ_MIN_BITS == 2 && DENSQ_MAX_BITS == 4,
              "lookups are in tables of 16 bytes or of 8 floats, once or twice");

constexpr uint32_t kHalfBytes = DENSQ_LINE_BYTES / 2;

// Halves h = 0, 1 of line i are half[2 i + h].
template <int bits>
struct Group {
    __m256i half[2 * bits];
};

// Lines that are not there read as zeros.
template <int bits>
static DENSQ_INLINE Group<bits> load_group(const uint8_t *codes, uint32_t lines = bits) {
    Group<bits> group;
    DENSQ_UNROLL
    for (uint32_t i = 0; i < 2 * bits; ++i) {
        const auto *at = reinterpret_cast<const __m256i *>(codes + kHalfBytes * i);
        group.half[i] = i < 2 * lines ? _mm256_loadu_si256(at) : _mm256_setzero_si256();
    }
    return group;
}

// Bytes that are the codes of pair `pair`: low bytes the one field, high bytes the other.
template <int bits, int pair>
static DENSQ_INLINE __m256i pair_codes(const Group<bits> &group, int h) {
    constexpr densq_field_place place = kPairPlace<bits, pair>;
    constexpr int line = place.low_line, shift = place.low_shift;
    constexpr char mask = (1 << place.low_bits) - 1;
    const __m256i low = _mm256_srli_epi16(group.half[2 * line + h], shift);
    if constexpr (place.high_bits) {
        constexpr int high_line = place.high_line, high_shift = place.high_shift - place.low_bits;
        constexpr char high_mask = ((1 << place.high_bits) - 1) << place.low_bits;
        const __m256i high = _mm256_srli_epi16(group.half[2 * high_line + h], high_shift);
        return _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(mask)),
                               _mm256_and_si256(high, _mm256_set1_epi8(high_mask)));
    } else {
        return _mm256_and_si256(low, _mm256_set1_epi8(mask));
    }
}

// Those of one of its fields, in 16-bit lanes, which are slots.
static DENSQ_INLINE __m256i low_field(__m256i pair) {
    return _mm256_and_si256(pair, _mm256_set1_epi16(0xFF));
}
static DENSQ_INLINE __m256i high_field(__m256i pair) { return _mm256_srli_epi16(pair, 8); }

// Half h of the codes of field `field`, in 16-bit lanes.
template <int bits, int field, int pair = 0>
static DENSQ_INLINE __m256i field_codes(const Group<bits> &group, int h) {
    if constexpr (field == kLowField<bits, pair>)
        return low_field(pair_codes<bits, pair>(group, h));
    else if constexpr (field == kHighField<bits, pair>)
        return high_field(pair_codes<bits, pair>(group, h));
    else
        return field_codes<bits, field, pair + 1>(group, h);
}

}  // namespace
}  // namespace densq
