// SPDX-License-Identifier: MIT
// fields.hpp - the codes of a group, field by field, as indices for vpermw and vpermps.
//
// Both instructions look at the low bits of an index only (5 of 16, 4 of 32), so a field is moved
// to the low end of its lane and what lies above it stays; tables are repeated to fill a register.
#pragma once
#include <immintrin.h>

#include "kernels/tile.hpp"

namespace densq {
namespace {

template <int bits>
struct Group {
    __m512i line[bits];
};

template <int bits>
static DENSQ_INLINE Group<bits> load_group(const uint8_t *codes) {
    Group<bits> group;
    DENSQ_UNROLL
    for (int i = 0; i < bits; ++i) group.line[i] = _mm512_loadu_si512(codes + 64 * i);
    return group;
}

// The same for a group that ends early: lines that are not there read as zeros.
template <int bits>
static DENSQ_INLINE Group<bits> load_group_lines(const uint8_t *codes, uint32_t lines) {
    Group<bits> group;
    DENSQ_UNROLL
    for (uint32_t i = 0; i < bits; ++i)
        group.line[i] = i < lines ? _mm512_loadu_si512(codes + 64 * i) : _mm512_setzero_si512();
    return group;
}

// Spare bits of two lines of a 3-bit group, moved to bits 0..2 of each byte.
template <int shift_mid>
static DENSQ_INLINE __m512i spare_fields(__m512i outer, __m512i middle) {
    const __m512i low_two = _mm512_set1_epi8(0x03);
    return _mm512_ternarylogic_epi32(low_two, _mm512_srli_epi16(outer, 6),
                                     _mm512_srli_epi16(middle, shift_mid), 0xCA);
}

// Lanes whose low bits are the codes of field `field`; the bits above are arbitrary.
template <int bits, int field>
static DENSQ_INLINE __m512i field_index(const Group<bits> &group) {
    if constexpr (bits == 3 && field >= 12) {
        const __m512i both = field < 14 ? spare_fields<4>(group.line[0], group.line[1])
                                        : spare_fields<5>(group.line[2], group.line[1]);
        return field & 1 ? _mm512_srli_epi16(both, 8) : both;
    } else {
        constexpr int per_line = bits == 2 ? 8 : 4;
        constexpr int in_line = field % per_line;
        constexpr int shift = bits == 3 ? 3 * (in_line & 1) + 4 * (in_line & 2) : bits * in_line;
        const __m512i line = group.line[field / per_line];
        return shift ? _mm512_srli_epi16(line, shift) : line;
    }
}

}  // namespace
}  // namespace densq
