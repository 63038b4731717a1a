// SPDX-License-Identifier: MIT
// operands.hpp - what matmul asks of the arrays that it is given.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace densq {

// The vectors of a batch: `width` elements each, one vector every `stride` elements.
struct Operand {
    const void *first;
    size_t stride;  // ignored at batch 1
    uint32_t width;
    size_t element_bytes;
};

// Whether nothing is NULL, unaligned, narrower than its vectors, beyond the address space, or
// overlaps something else; addresses may be a device's.  batch > 0.
bool legal_operands(uint32_t batch, const Operand &x, const Operand &y, const void *workspace,
                    size_t workspace_bytes);

}  // namespace densq
