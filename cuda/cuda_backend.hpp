// SPDX-License-Identifier: MIT
// cuda_backend.hpp - a device as a backend, and a matrix in its memory.
#pragma once
#include "cuda/cuda_runtime.hpp"
#include "lib/base/provider.hpp"

namespace densq::cuda {

struct CudaBackend : densq_backend {
    int device;
    bool exact;
};

struct CudaWeights : densq_weights {
    PackedMatrix matrix;
    void *memory;  // device memory

    const CudaBackend &cuda() const { return *static_cast<const CudaBackend *>(backend); }
};

// Returns NULL for objects of another provider.
const CudaBackend *as_cuda(const densq_backend *backend);
const CudaWeights *as_cuda(const densq_weights *weights);

// The functions workspace_size and matmul of BackendOps.
size_t workspace_size(const Operands &operands);
densq_status matmul_on_default_stream(const Operands &operands, densq_fault *fault);

}  // namespace densq::cuda
