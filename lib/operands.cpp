// SPDX-License-Identifier: MIT
#include "lib/operands.hpp"

namespace densq {
namespace {

struct Range {
    uintptr_t begin, end;
};

bool make_range(const Operand &operand, uint32_t batch, Range *range) {
    size_t elements = 0, bytes = 0;
    range->begin = reinterpret_cast<uintptr_t>(operand.first);
    return !__builtin_mul_overflow(operand.stride, static_cast<size_t>(batch - 1), &elements) &&
           !__builtin_add_overflow(elements, static_cast<size_t>(operand.width), &elements) &&
           !__builtin_mul_overflow(elements, operand.element_bytes, &bytes) &&
           !__builtin_add_overflow(range->begin, bytes, &range->end);
}

bool overlap(const Range &a, const Range &b) { return a.begin < b.end && b.begin < a.end; }

bool legal_operand(const Operand &operand, uint32_t batch) {
    return operand.first && (batch == 1 || operand.stride >= operand.width) &&
           reinterpret_cast<uintptr_t>(operand.first) % operand.element_bytes == 0;
}

}  // namespace

bool legal_operands(uint32_t batch, const Operand &x, const Operand &y, const void *workspace,
                    size_t workspace_bytes) {
    if (!legal_operand(x, batch) || !legal_operand(y, batch) || !workspace) return false;
    Range in, out;
    if (!make_range(x, batch, &in) || !make_range(y, batch, &out)) return false;
    Range space = {reinterpret_cast<uintptr_t>(workspace), 0};
    if (__builtin_add_overflow(space.begin, workspace_bytes, &space.end)) return false;
    return !overlap(in, out) && !overlap(in, space) && !overlap(out, space);
}

}  // namespace densq
