// SPDX-License-Identifier: MIT
// operands.hpp - the arrays that a multiplication is given, and what it asks of them.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace densq {

// Those of densq_matmul, checked.  batch > 0; at batch 1 the strides are those of whole vectors.
struct Operands {
    uint32_t batch;
    const float *x;
    size_t x_stride;
    float *y;
    size_t y_stride;
    void *workspace;
};

// The vectors of a batch in memory: `width` elements each, one vector every `stride` elements.
struct VectorArray {
    const void *first;
    size_t stride;  // ignored at batch 1
    uint32_t width;
    size_t element_bytes;
};

// Whether nothing is NULL, unaligned, narrower than its vectors, beyond the address space, or
// overlaps something else; addresses may be a device's.  batch > 0.
bool legal_operands(uint32_t batch, const VectorArray &x, const VectorArray &y,
                    const void *workspace, size_t workspace_bytes);

}  // namespace densq
