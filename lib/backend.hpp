// SPDX-License-Identifier: MIT
// backend.hpp - how to multiply: a kernel table, a precision, the caller's threads and memory; and
// a matrix bound to one.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"
#include "kernels/table.hpp"
#include "lib/alloc.hpp"
#include "lib/plan.hpp"

struct densq_backend {
    const densq::KernelTable *table;
    densq_precision precision;
    densq_parallel_fn parallel;  // NULL: serial
    void *parallel_user;
    densq::Allocator allocator;
};

struct densq_weights {
    const densq_backend *backend;
    densq::Matrix matrix;
    densq::Plan plan;
    size_t bytes;  // of this struct with the arrays behind it: one allocation
};

namespace densq {

// Binds a proved matrix whose file-side pointers are set.  NULL: out of memory.
densq_weights *bind(const densq_backend *backend, const Matrix &matrix);
void unbind(densq_weights *weights);

size_t workspace_size(const densq_weights *weights, uint32_t batch);

// Arguments are checked: see densq_matmul.
void matmul(const densq_weights *weights, uint32_t batch, const float *x, size_t x_stride,
            float *y, size_t y_stride, void *workspace);

}  // namespace densq
