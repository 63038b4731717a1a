// SPDX-License-Identifier: MIT
// neon_fields.hpp - the codes of a group for NEON, which looks up bytes in tables of 16 (tbl).
//
// A line is four quarters of 8 slots.  An index is a nibble that holds a code and, besides, bits
// that the table does not tell apart; at 2 bits it holds two codes and there is a table for each.
#pragma once
#include <arm_neon.h>

#include "kernels/field_pairs.hpp"
#include "kernels/tile.hpp"

namespace densq {
namespace {

static_assert(DENSQ_MIN_BITS == 2 && DENSQ_MAX_BITS == 4, "lookups are in tables of 16 bytes");

// Loops over quarters stay loops (DENSQ_ROLLED), as compilers would move what is the same in all
// rows of a tile from the unrolled body to the stack.
constexpr int kQuarters = 4;
constexpr int kQuarterBytes = DENSQ_LINE_BYTES / kQuarters;

// How far the index of a pair is shifted to the right, a nibble of two codes as a whole; and which
// of the two tables is then for its code.
template <int bits, int pair>
constexpr int kIndexShift = kPairPlace<bits, pair>.low_shift & (bits == 2 ? 4 : 7);
template <int bits, int pair>
constexpr int kIndexTable = (kPairPlace<bits, pair>.low_shift - kIndexShift<bits, pair>) / bits;

// The indices of pair `pair` in a quarter of its lines.
template <int bits, int pair>
static DENSQ_INLINE uint8x16_t pair_index(const uint8_t *group, int quarter) {
    constexpr densq_field_place place = kPairPlace<bits, pair>;
    const uint8_t *at = group + kQuarterBytes * quarter;
    const uint8x16_t low = vld1q_u8(at + DENSQ_LINE_BYTES * place.low_line);
    if constexpr (place.high_bits) {
        static_assert(place.low_shift + place.low_bits == 8 && place.high_shift >= 6,
                      "what is inserted needs no mask, and the index is a nibble");
        const uint8x16_t high = vld1q_u8(at + DENSQ_LINE_BYTES * place.high_line);
        constexpr int high_shift = place.high_shift - place.low_bits, low_shift = place.low_shift;
        return vsriq_n_u8(vshrq_n_u8(high, high_shift), low, low_shift);
    } else {
        constexpr int shift = kIndexShift<bits, pair>;
        uint8x16_t index = low;
        if constexpr (shift > 0) index = vshrq_n_u8(index, shift);
        return shift == 4 ? index : vandq_u8(index, vdupq_n_u8(0x0F));
    }
}

// The 2^bits entries of a row's LUT, 16 bits each, repeated to 16.
template <int bits>
static DENSQ_INLINE uint16x8x2_t load_entries(const void *lut) {
    const auto *entries = static_cast<const uint16_t *>(lut);
    if constexpr (bits == 2) {
        const uint16x4_t four = vld1_u16(entries);
        return {{vcombine_u16(four, four), vcombine_u16(four, four)}};
    }
    return {{vld1q_u16(entries), vld1q_u16(entries + (bits == 4 ? 8 : 0))}};
}

static DENSQ_INLINE uint8x16_t low_bytes(uint16x8x2_t words) {
    return vuzp1q_u8(vreinterpretq_u8_u16(words.val[0]), vreinterpretq_u8_u16(words.val[1]));
}
static DENSQ_INLINE uint8x16_t high_bytes(uint16x8x2_t words) {
    return vuzp2q_u8(vreinterpretq_u8_u16(words.val[0]), vreinterpretq_u8_u16(words.val[1]));
}

// One byte of each entry.
template <int bits>
class ByteTable {
public:
    DENSQ_INLINE void set(uint8x16_t repeated) {
        table[0] = repeated;
        if constexpr (bits == 2) {
            const uint8x16_t twice = vzip1q_u8(repeated, repeated);
            table[1] = vzip1q_u8(twice, twice);
        }
    }

    template <int pair>
    DENSQ_INLINE uint8x16_t look_up(uint8x16_t index) const {
        return vqtbl1q_u8(table[kIndexTable<bits, pair>], index);
    }

private:
    static constexpr int kTables = bits == 2 ? 2 : 1;
    uint8x16_t table[kTables];
};

// Both bytes.
template <int bits>
class WordTable {
public:
    DENSQ_INLINE void set(const void *lut) {
        const uint16x8x2_t entries = load_entries<bits>(lut);
        low.set(low_bytes(entries));
        high.set(high_bytes(entries));
    }

    // The entries of the two fields of a pair, 8 columns of each.
    template <int pair>
    DENSQ_INLINE uint16x8x2_t look_up_pair(const uint8_t *group, int quarter) const {
        const uint8x16_t index = pair_index<bits, pair>(group, quarter);
        const uint8x16_t l = low.template look_up<pair>(index);
        const uint8x16_t h = high.template look_up<pair>(index);
        return {{vreinterpretq_u16_u8(vtrn1q_u8(l, h)), vreinterpretq_u16_u8(vtrn2q_u8(l, h))}};
    }

    template <int field, int pair = 0>
    DENSQ_INLINE uint16x8_t look_up_field(const uint8_t *group, int quarter) const {
        if constexpr (field == kLowField<bits, pair>)
            return look_up_pair<pair>(group, quarter).val[0];
        else if constexpr (field == kHighField<bits, pair>)
            return look_up_pair<pair>(group, quarter).val[1];
        else
            return look_up_field<field, pair + 1>(group, quarter);
    }

private:
    ByteTable<bits> low, high;
};

}  // namespace
}  // namespace densq
