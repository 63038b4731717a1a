// SPDX-License-Identifier: MIT
// activation.cpp - compiled with -ffast-math, which lets the compiler call libm's vector exp.
#include "activation.hpp"

#include <algorithm>
#include <cmath>

namespace llama {

void softmax(float *x, size_t count) {
    const float largest = *std::max_element(x, x + count);
    float sum = 0;
    for (size_t i = 0; i < count; ++i) {
        x[i] = std::exp(x[i] - largest);
        sum += x[i];
    }
    const float scale = 1 / sum;
    for (size_t i = 0; i < count; ++i) x[i] *= scale;
}

void swiglu(float *gate, const float *up, size_t count) {
    for (size_t i = 0; i < count; ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
}

}  // namespace llama
