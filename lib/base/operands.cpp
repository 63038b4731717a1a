// SPDX-License-Identifier: MIT
#include "lib/base/operands.hpp"

namespace densq {
namespace {

struct Range {
    uintptr_t begin, end;
};

bool make_range(const VectorArray &array, uint32_t batch, Range *range) {
    size_t elements = 0, bytes = 0;
    range->begin = reinterpret_cast<uintptr_t>(array.first);
    return !__builtin_mul_overflow(array.stride, static_cast<size_t>(batch - 1), &elements) &&
           !__builtin_add_overflow(elements, static_cast<size_t>(array.width), &elements) &&
           !__builtin_mul_overflow(elements, array.element_bytes, &bytes) &&
           !__builtin_add_overflow(range->begin, bytes, &range->end);
}

Range range_of(const VectorArray &array, uint32_t batch) {
    Range range = {};
    make_range(array, batch, &range);
    return range;
}

bool overlap(const Range &a, const Range &b) { return a.begin < b.end && b.begin < a.end; }

// For arrays with one vector every `period` bytes.
bool side_by_side(uintptr_t a, size_t a_bytes, uintptr_t b, size_t b_bytes, size_t period) {
    const size_t distance = a <= b ? (b - a) % period : (period - (a - b) % period) % period;
    return distance >= a_bytes && period - distance >= b_bytes;
}

}  // namespace

bool legal_array(uint32_t batch, const VectorArray &array) {
    Range range;
    return array.first && (batch == 1 || array.stride >= array.width) &&
           reinterpret_cast<uintptr_t>(array.first) % array.element_bytes == 0 &&
           make_range(array, batch, &range);
}

bool overlap(uint32_t batch, const VectorArray &a, const VectorArray &b) {
    const Range first = range_of(a, batch), second = range_of(b, batch);
    if (!overlap(first, second)) return false;
    const size_t period = a.stride * a.element_bytes;
    if (batch == 1 || period != b.stride * b.element_bytes) return true;
    return !side_by_side(first.begin, a.width * a.element_bytes, second.begin,
                         b.width * b.element_bytes, period);
}

bool overlaps_bytes(uint32_t batch, const VectorArray &array, const void *bytes, size_t size) {
    const auto begin = reinterpret_cast<uintptr_t>(bytes);
    return overlap(range_of(array, batch), {begin, begin + size});
}

bool legal_bytes(const void *bytes, size_t size) {
    return bytes && reinterpret_cast<uintptr_t>(bytes) <= UINTPTR_MAX - size;
}

}  // namespace densq
