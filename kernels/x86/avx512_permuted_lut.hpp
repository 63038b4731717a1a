// SPDX-License-Identifier: MIT
// avx512_permuted_lut.hpp - 64 lookups with vpermb, in tables of 64 bytes.  It looks at the low 6
// bits of an index only: at 4 bits a code and two that the table does not tell apart, below that
// two or three codes, with a table for each, so that one shift serves all of them.
#pragma once
#include "avx512_int8.hpp"

namespace densq {
namespace {

template <int bits>
class PermutedLut {
public:
    DENSQ_INLINE void load(const uint8_t *lut) {
        entries[0] = repeat_lut<bits>(lut);
        if constexpr (bits < 4)
            entries[1] = _mm512_permutexvar_epi8(shifted_indices<bits>(), entries[0]);
        if constexpr (bits == 2)
            entries[2] = _mm512_permutexvar_epi8(shifted_indices<2 * bits>(), entries[0]);
    }

    template <int pair>
    DENSQ_INLINE __m512i look_up(const Group<bits> &group) const {
        constexpr densq_field_place place = kPairPlace<bits, pair>;
        if constexpr (place.high_bits)
            return _mm512_permutexvar_epi8(join_pieces<bits, pair>(group), entries[0]);
        constexpr int table = static_cast<int>(place.low_shift) / bits % kTables;
        constexpr int shift = static_cast<int>(place.low_shift) - table * bits;
        const __m512i line = group.line[place.low_line];
        return _mm512_permutexvar_epi8(shift ? _mm512_srli_epi16(line, shift) : line,
                                       entries[table]);
    }

    template <int field>
    DENSQ_INLINE __m512i look_up_field(const Group<bits> &group) const {
        constexpr __mmask64 kLowBytes = 0x5555555555555555;
        return _mm512_maskz_permutexvar_epi8(kLowBytes, field_index<bits, field>(group),
                                             entries[0]);
    }

private:
    static constexpr int kTables = 6 / bits;
    __m512i entries[kTables];
};

}  // namespace
}  // namespace densq
