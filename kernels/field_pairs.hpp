// SPDX-License-Identifier: MIT
// field_pairs.hpp - the fields of a group in pairs, for instruction sets that look up bytes.
//
// The two bytes of a slot look alike (densq/layout.h), so what brings the codes of one field to the
// low ends of the low bytes brings those of another to the low ends of the high bytes.
#pragma once
#include "densq/layout.h"

namespace densq {
namespace {

constexpr int kPairs = DENSQ_GROUP_UNITS / 2;  // the first half of them are the fields of a span

constexpr bool in_low_byte(densq_field_place place) { return place.low_shift < 8; }

// The field of pair number `pair` that is in the low bytes.
constexpr uint32_t find_low_field(uint32_t bits, uint32_t pair) {
    uint32_t field = 0;
    for (uint32_t before = 0;; ++field)
        if (in_low_byte(densq_place_field(bits, field)) && before++ == pair) return field;
}

// The field that lies in the high bytes as `low_field` does in the low ones.
constexpr uint32_t find_high_field(uint32_t bits, uint32_t low_field) {
    const densq_field_place low = densq_place_field(bits, low_field);
    for (uint32_t field = low_field + 1;; ++field) {
        const densq_field_place high = densq_place_field(bits, field);
        if (high.low_line == low.low_line && high.low_shift == low.low_shift + 8) return field;
    }
}

// The pair that has this field.
constexpr uint32_t find_pair(uint32_t bits, uint32_t field) {
    uint32_t pair = 0;
    while (find_low_field(bits, pair) != field &&
           find_high_field(bits, find_low_field(bits, pair)) != field)
        ++pair;
    return pair;
}

template <int bits, int pair>
constexpr int kLowField = find_low_field(bits, pair);
template <int bits, int pair>
constexpr int kHighField = find_high_field(bits, kLowField<bits, pair>);

// Where the codes of a pair lie in both bytes of their slots.
template <int bits, int pair>
constexpr densq_field_place kPairPlace = densq_place_field(bits, kLowField<bits, pair>);

constexpr bool bytes_look_alike(uint32_t bits, uint32_t pair) {
    const uint32_t low_field = find_low_field(bits, pair);
    const densq_field_place low = densq_place_field(bits, low_field);
    const densq_field_place high = densq_place_field(bits, find_high_field(bits, low_field));
    return low.low_bits == high.low_bits && low.high_bits == high.high_bits &&
           low.high_line == high.high_line &&
           (low.high_bits == 0 || low.high_shift + 8 == high.high_shift);
}

// What instruction sets derive from the places: pairs follow the order of columns, so that half of
// them make a span, and both their fields do.
constexpr bool pairs_are_sound() {
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
        for (uint32_t pair = 0; pair < kPairs; ++pair)
            if (!bytes_look_alike(bits, pair) ||
                find_low_field(bits, pair) * 2 / DENSQ_GROUP_UNITS != pair * 2 / kPairs ||
                find_high_field(bits, find_low_field(bits, pair)) * 2 / DENSQ_GROUP_UNITS !=
                    pair * 2 / kPairs)
                return false;
    return true;
}
static_assert(pairs_are_sound());

}  // namespace
}  // namespace densq
