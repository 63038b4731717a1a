// SPDX-License-Identifier: MIT
// floats.hpp - values of a plain tensor as floats.
#pragma once
#include <cstddef>

#include "densq/densq.h"

namespace llama {

// Elements [begin, begin + count) of an F32, F16 or BF16 tensor.
void read_floats(const densq_tensor &tensor, size_t begin, size_t count, float *out);

}  // namespace llama
