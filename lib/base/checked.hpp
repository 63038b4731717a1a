// SPDX-License-Identifier: MIT
// checked.hpp - arithmetic on sizes and offsets of file content.
//
// What does not fit in 64 bits becomes kTooLarge, which stays that in further arithmetic and is
// larger than any file; so one comparison with the file's size at the end is enough.
#pragma once
#include <stdint.h>

namespace densq {

constexpr uint64_t kTooLarge = UINT64_MAX;

static constexpr uint64_t checked_add(uint64_t a, uint64_t b) {
    return a > kTooLarge - b ? kTooLarge : a + b;
}

static constexpr uint64_t checked_mul(uint64_t a, uint64_t b) {
    uint64_t product = 0;
    if (a == kTooLarge || b == kTooLarge) return kTooLarge;
    return __builtin_mul_overflow(a, b, &product) ? kTooLarge : product;
}

// The next multiple of `alignment`, a power of two.
static constexpr uint64_t checked_align(uint64_t a, uint64_t alignment) {
    const uint64_t last = checked_add(a, alignment - 1);
    return last == kTooLarge ? kTooLarge : last & ~(alignment - 1);
}

}  // namespace densq
