// SPDX-License-Identifier: MIT
// operands.hpp - the arguments of a multiplication, and what must be true of its arrays.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"

namespace densq {

// The arguments of densq_matmul_shared, after they were checked; densq_matmul has one product of
// F32.  count > 0, batch > 0.
struct Operands {
    const densq_product *products;
    uint32_t count;
    uint32_t batch;
    const void *x;
    uint32_t x_dtype;
    size_t x_stride;
    uint32_t y_dtype;
    void *workspace;
};

// The vectors of a batch in memory: `width` elements each, one vector every `stride` elements.
struct VectorArray {
    const void *first;
    size_t stride;  // ignored at batch 1
    uint32_t width;
    size_t element_bytes;
};

// Whether the array is not NULL, is aligned, has a stride that its vectors fit in and lies in the
// address space, which may be that of a device.  batch > 0.
bool legal_array(uint32_t batch, const VectorArray &array);

// Whether two legal arrays have an element in common.  Vectors may lie side by side in the rows of
// one array: then both have the same stride.
bool overlap(uint32_t batch, const VectorArray &a, const VectorArray &b);

// Whether a legal array has an element in these bytes.
bool overlaps_bytes(uint32_t batch, const VectorArray &array, const void *bytes, size_t size);

// Whether these bytes are in the address space.
bool legal_bytes(const void *bytes, size_t size);

}  // namespace densq
