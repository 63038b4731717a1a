// SPDX-License-Identifier: MIT
// avx512_fields.hpp - the codes of a group, field by field, as indices for vpermw and vpermps.
//
// Both instructions look at the low bits of an index only (5 of 16, 4 of 32), so a field is moved
// to the low end of its slot, a lane of 16 bits, and what lies above it stays; tables are repeated
// to fill a register.
#pragma once
#include <immintrin.h>

#include "kernels/field_pairs.hpp"
#include "kernels/tile.hpp"

namespace densq {
namespace {

static_assert(DENSQ_MIN_BITS == 2 && DENSQ_MAX_BITS == 4,
              "lookups are in tables of 16 floats or 32 words");

template <int bits>
struct Group {
    __m512i line[bits];
};

template <int bits>
static DENSQ_INLINE Group<bits> load_group(const uint8_t *codes) {
    Group<bits> group;
    DENSQ_UNROLL
    for (uint32_t i = 0; i < bits; ++i)
        group.line[i] = _mm512_loadu_si512(codes + DENSQ_LINE_BYTES * i);
    return group;
}

// The same for a group that ends early: lines that are not there read as zeros.
template <int bits>
static DENSQ_INLINE Group<bits> load_group_lines(const uint8_t *codes, uint32_t lines) {
    Group<bits> group;
    DENSQ_UNROLL
    for (uint32_t i = 0; i < bits; ++i)
        group.line[i] =
            i < lines ? _mm512_loadu_si512(codes + DENSQ_LINE_BYTES * i) : _mm512_setzero_si512();
    return group;
}

// _mm512_ternarylogic's number of the function "where bits of a are set those of b, else of c".
constexpr int kSelect = 0xCA;

// Two fields in two pieces, one in the low and one in the high bytes of the slots: their codes
// moved to the low ends of the bytes.
template <int bits, int pair>
static DENSQ_INLINE __m512i join_pieces(const Group<bits> &group) {
    constexpr densq_field_place place = kPairPlace<bits, pair>;
    constexpr char low_mask = (1 << place.low_bits) - 1;
    return _mm512_ternarylogic_epi32(
        _mm512_set1_epi8(low_mask), _mm512_srli_epi16(group.line[place.low_line], place.low_shift),
        _mm512_srli_epi16(group.line[place.high_line], place.high_shift - place.low_bits), kSelect);
}

// Slots whose low bits are the codes of field `field`; the bits above are arbitrary.
template <int bits, int field>
static DENSQ_INLINE __m512i field_index(const Group<bits> &group) {
    constexpr densq_field_place place = densq_place_field(bits, field);
    if constexpr (place.high_bits) {
        const __m512i both = join_pieces<bits, find_pair(bits, field)>(group);
        return in_low_byte(place) ? both : _mm512_srli_epi16(both, 8);
    } else {
        const __m512i line = group.line[place.low_line];
        return place.low_shift ? _mm512_srli_epi16(line, place.low_shift) : line;
    }
}

}  // namespace
}  // namespace densq
