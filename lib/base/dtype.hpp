// SPDX-License-Identifier: MIT
// dtype.hpp - arrays of a densq_dtype.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace densq {

// The size of an element; 0 if it is no densq_dtype.
size_t dtype_bytes(uint32_t dtype);

// The element with this index of an array.
const void *element_at(const void *array, uint32_t dtype, size_t index);
void *element_at(void *array, uint32_t dtype, size_t index);

// F32 values of an array.
void read_floats(float *out, const void *array, uint32_t dtype, size_t count);
// An array of F32 values, rounded to the nearest.
void write_floats(void *array, uint32_t dtype, const float *values, size_t count);

}  // namespace densq
