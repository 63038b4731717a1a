// SPDX-License-Identifier: MIT
// dtype.hpp - the types of numbers that safetensors knows, and how those of weights are read.
#pragma once
#include <cstdint>
#include <string>

namespace densq::tool {

// The number of bits of an element; 0 for an unknown dtype.
uint64_t dtype_bits(const std::string &dtype);

// Whether weights and gradients may be of this dtype.
bool is_float_dtype(const std::string &dtype);
// "F64, F32, ...", all of these.
std::string float_dtypes();

// Elements [begin, end) of packed data as floats; of F8_E8M0 too, which is a dtype of scales.
// std::logic_error for dtypes that are no floats.
void read_floats(const std::string &dtype, const uint8_t *data, uint64_t begin, uint64_t end,
                 float *out);

}  // namespace densq::tool
