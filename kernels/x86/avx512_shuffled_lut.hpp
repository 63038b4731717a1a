// SPDX-License-Identifier: MIT
// avx512_shuffled_lut.hpp - 64 lookups with vpshufb, in tables of 16 bytes.  An index is a nibble,
// without the bits above; at 2 bits it holds two codes and there is a table for each.
#pragma once
#include "avx512_int8.hpp"

namespace densq {
namespace {

template <int bits>
class ShuffledLut {
public:
    DENSQ_INLINE void load(const uint8_t *lut) {
        entries[0] = repeat_lut<bits>(lut);
        if constexpr (bits == 2) entries[1] = _mm512_shuffle_epi8(entries[0], shifted_indices<2>());
    }

    template <int pair>
    DENSQ_INLINE __m512i look_up(const Group<bits> &group) const {
        constexpr densq_field_place place = kPairPlace<bits, pair>;
        if constexpr (place.high_bits) return look_up_nibbles<0>(join_pieces<bits, pair>(group));
        constexpr int shift = place.low_shift & (bits == 2 ? 4 : 7);
        return look_up_nibbles<(place.low_shift - shift) / bits>(
            _mm512_srli_epi16(group.line[place.low_line], shift));
    }

    template <int field>
    DENSQ_INLINE __m512i look_up_field(const Group<bits> &group) const {
        // the nibble, and bit 7 of the high bytes, which makes vpshufb write a zero there
        const __m512i slots = field_index<bits, field>(group);
        const __m512i index = _mm512_ternarylogic_epi32(slots, _mm512_set1_epi16(0x000F),
                                                        _mm512_set1_epi16(-0x8000), kAndOr);
        return _mm512_shuffle_epi8(entries[0], index);
    }

private:
    static constexpr int kAndOr = 0xEA;  // _mm512_ternarylogic's number of (a & b) | c

    template <int table>
    DENSQ_INLINE __m512i look_up_nibbles(__m512i index) const {
        return _mm512_shuffle_epi8(entries[table], _mm512_and_si512(index, _mm512_set1_epi8(0x0F)));
    }

    __m512i entries[bits == 2 ? 2 : 1];
};

}  // namespace
}  // namespace densq
