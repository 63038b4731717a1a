// SPDX-License-Identifier: MIT
// multiply_on_stream.hpp - y = W x on a CUDA stream; for host code, which need not be compiled by
// nvcc.
#pragma once
#include "kernels/cuda/packing.hpp"

namespace densq::cuda {

enum class Dtype : uint32_t { kF32 = 1, kF16 = 2, kBf16 = 3 };  // densq_dtype's values

struct MultiplyCall {
    PackedMatrix matrix;
    bool exact;
    uint32_t batch;
    const void *x;  // x and y are aligned to their elements; strides count elements
    Dtype x_dtype;
    size_t x_stride;
    void *y;
    Dtype y_dtype;
    size_t y_stride;
    void *workspace;  // 256-byte aligned; free again when the stream has come past the call
    void *stream;     // a cudaStream_t
};

size_t multiply_workspace_bytes(const PackedMatrix &matrix, bool exact, uint32_t batch);

// 0 or the cudaError_t of a launch.  Neither allocates nor synchronises.
int multiply_on_stream(const MultiplyCall &call);

}  // namespace densq::cuda
