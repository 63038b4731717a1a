// SPDX-License-Identifier: MIT
// widths.hpp - from a width of codes that is known at run time to one that is a constant.
#pragma once
#include <stdint.h>

#include "densq/format.h"

namespace densq {

static_assert(DENSQ_MIN_BITS >= 1 && DENSQ_MIN_BITS <= DENSQ_MAX_BITS);
static_assert(DENSQ_MAX_BITS <= 8, "a code fits in a byte");

constexpr uint32_t kWidths = DENSQ_MAX_BITS - DENSQ_MIN_BITS + 1;

// A width as a type: `bits.value` is a constant where `bits` is an argument.
template <uint32_t width>
struct Width {
    static constexpr uint32_t value = width;
};

// Returns work(Width<bits>()).
template <uint32_t width = DENSQ_MIN_BITS, typename Work>
static inline auto with_width(uint32_t bits, Work work) {
    if constexpr (width < DENSQ_MAX_BITS)
        if (bits != width) return with_width<width + 1>(bits, work);
    return work(Width<width>());
}

// One value for each width.
template <typename T>
struct WidthTable {
    T of[kWidths];
};

template <typename T>
static constexpr const T &at_width(const WidthTable<T> &table, uint32_t bits) {
    return table.of[bits - DENSQ_MIN_BITS];
}

// The table of make(Width<bits>()).
template <typename T, uint32_t width = DENSQ_MIN_BITS, typename Make>
static constexpr WidthTable<T> make_width_table(Make make, WidthTable<T> table = {}) {
    table.of[width - DENSQ_MIN_BITS] = make(Width<width>());
    if constexpr (width < DENSQ_MAX_BITS)
        return make_width_table<T, width + 1>(make, table);
    else
        return table;
}

}  // namespace densq
