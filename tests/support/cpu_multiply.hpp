// SPDX-License-Identifier: MIT
// cpu_multiply.hpp - multiplies one bound matrix by F32 vectors, below the exported functions.
#pragma once
#include "lib/cpu/cpu_backend.hpp"

namespace densq::test {

struct F32Arrays {
    uint32_t batch;
    const float *x;
    size_t x_stride;
    float *y;
    size_t y_stride;
    void *workspace;
};

inline size_t workspace_size(const CpuWeights *weights, uint32_t batch) {
    const densq_product product = {weights, nullptr, 0};
    return densq::workspace_size({&product, 1, batch, nullptr, DENSQ_F32, 0, DENSQ_F32, nullptr});
}

inline void matmul(const CpuWeights *weights, const F32Arrays &arrays) {
    const densq_product product = {weights, arrays.y, arrays.y_stride};
    densq::matmul({&product, 1, arrays.batch, arrays.x, DENSQ_F32, arrays.x_stride, DENSQ_F32,
                   arrays.workspace});
}

}  // namespace densq::test
