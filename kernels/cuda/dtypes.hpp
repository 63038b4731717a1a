// SPDX-License-Identifier: MIT
// dtypes.hpp - activations and outputs of three types, and the nonzeros of the sparse part.
#pragma once
#include "kernels/cuda/device_words.hpp"
#include "kernels/cuda/multiply_on_stream.hpp"

namespace densq::cuda {

using namespace densq::device;

// Vectors of activations as the caller gave them.
struct TypedActivations {
    const void *first;
    Dtype dtype;
    size_t stride;

    DENSQ_DEVICE float load(uint32_t vector, uint32_t col) const {
        const size_t at = vector * stride + col;
        if (dtype == Dtype::kF32) return load_readonly(static_cast<const float *>(first) + at);
        const uint16_t half = load_readonly(static_cast<const uint16_t *>(first) + at);
        return dtype == Dtype::kF16 ? float_from_half(half) : float_from_bf16(half);
    }
};

struct TypedOutputs {
    void *first;
    Dtype dtype;
    size_t stride;

    DENSQ_DEVICE void store(uint32_t vector, uint32_t row, float value) const {
        const size_t at = vector * stride + row;
        if (dtype == Dtype::kF32) {
            device::store(static_cast<float *>(first) + at, value);
        } else {
            device::store(static_cast<uint16_t *>(first) + at,
                          dtype == Dtype::kF16 ? half_from_float(value) : bf16_from_float(value));
        }
    }
};

struct Nonzero {
    uint32_t col;
    float value;
};

DENSQ_DEVICE Nonzero load_nonzero(const PackedMatrix &matrix, uint32_t i) {
    if (matrix.cols <= DENSQ_MAX_COLS_16) {
        const uint32_t word = load_readonly(static_cast<const uint32_t *>(matrix.nonzeros) + i);
        return {word & 0xFFFFu, float_from_high_half(word)};
    }
    const U32x2 words = load_readonly(static_cast<const U32x2 *>(matrix.nonzeros) + i);
    return {words.x, float_from_low_half(words.y)};
}

}  // namespace densq::cuda
