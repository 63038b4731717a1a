// SPDX-License-Identifier: MIT
// operands.hpp - the arrays of a multiplication, and what must be true of them.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace densq {

// The arguments of densq_matmul, after they were checked.  batch > 0; for a batch of 1, the strides
// are the lengths of the vectors.
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

// Whether no array is NULL or misaligned, no stride is less than its vectors, nothing is beyond the
// address space and nothing overlaps.  The addresses may be those of a device.  batch > 0.
bool legal_operands(uint32_t batch, const VectorArray &x, const VectorArray &y,
                    const void *workspace, size_t workspace_bytes);

}  // namespace densq
