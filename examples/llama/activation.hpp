// SPDX-License-Identifier: MIT
// activation.hpp - the exponentials of a decoder, which are worth vectorizing.
#pragma once
#include <cstddef>

namespace llama {

// x[i] = exp(x[i] - largest) / their sum
void softmax(float *x, size_t count);

// gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
void swiglu(float *gate, const float *up, size_t count);

}  // namespace llama
