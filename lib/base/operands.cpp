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

bool overlap(const Range &a, const Range &b) { return a.begin < b.end && b.begin < a.end; }

bool legal_array(const VectorArray &array, uint32_t batch) {
    return array.first && (batch == 1 || array.stride >= array.width) &&
           reinterpret_cast<uintptr_t>(array.first) % array.element_bytes == 0;
}

}  // namespace

bool legal_operands(uint32_t batch, const VectorArray &x, const VectorArray &y,
                    const void *workspace, size_t workspace_bytes) {
    if (!legal_array(x, batch) || !legal_array(y, batch) || !workspace) return false;
    Range in, out;
    if (!make_range(x, batch, &in) || !make_range(y, batch, &out)) return false;
    Range space = {reinterpret_cast<uintptr_t>(workspace), 0};
    if (__builtin_add_overflow(space.begin, workspace_bytes, &space.end)) return false;
    return !overlap(in, out) && !overlap(in, space) && !overlap(out, space);
}

}  // namespace densq
