// SPDX-License-Identifier: MIT
// cpu_backend.hpp - how to multiply on the CPU: a kernel table, a precision, the caller's threads
// and memory; and a matrix bound to one.
#pragma once
#include "kernels/table.hpp"
#include "lib/base/provider.hpp"
#include "lib/cpu/plan.hpp"

namespace densq {

// How a thread reads codes: from so many tiles side by side, and prefetched so far ahead.
struct Reading {
    uint32_t tiles, prefetch_bytes;
};

struct CpuBackend : densq_backend {
    const KernelTable *table;
    densq_precision precision;        // never DENSQ_PRECISION_DEFAULT, but what it stands for
    const PrecisionKernels *kernels;  // of the table
    Reading reading;
    densq_parallel_fn parallel;  // NULL: serial
    void *parallel_user;
};

struct CpuWeights : densq_weights {
    Matrix matrix;
    Plan plan;
    size_t bytes;  // of this struct with the arrays behind it: one allocation

    const CpuBackend &cpu() const { return *static_cast<const CpuBackend *>(backend); }
};

// DENSQ_ERR_UNSUPPORTED: these backends do not have this precision.
densq_status make_cpu_backend(CpuBackend *out, const KernelTable *table,
                              const densq_backend_options &options, const Allocator &allocator,
                              densq_fault *fault);

// densq_provider::create for the kernel tables of this build.
densq_status create_cpu_backend(densq_backend **out, const densq_backend_options &options,
                                const Allocator &allocator, densq_fault *fault);

// Binds a proved matrix, whose pointers into the file are set.  NULL: out of memory.
CpuWeights *bind(const CpuBackend *backend, const Matrix &matrix);
void unbind(CpuWeights *weights);

// Of x, y and workspace, workspace_size looks at the types alone.
size_t workspace_size(const Operands &operands);

void matmul(const Operands &operands);

}  // namespace densq
