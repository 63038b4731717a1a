// SPDX-License-Identifier: MIT
// cuda_matmul.cpp - starts multiplications on a stream.
#include "cuda/cuda_backend.hpp"
#include "cuda/cuda_device.hpp"
#include "densq/cuda.h"
#include "lib/base/dtype.hpp"
#include "lib/base/fault.hpp"
#include "lib/base/operands.hpp"

namespace densq::cuda {
namespace {

constexpr size_t kWorkspaceAlignment = 256;

static_assert(static_cast<uint32_t>(Dtype::kF32) == DENSQ_F32);
static_assert(static_cast<uint32_t>(Dtype::kF16) == DENSQ_F16);
static_assert(static_cast<uint32_t>(Dtype::kBf16) == DENSQ_BF16);

size_t workspace_of_one(const CudaWeights *weights, uint32_t batch) {
    const size_t needed = multiply_workspace_bytes(weights->matrix, weights->cuda().exact, batch);
    size_t with_alignment = 0;
    return __builtin_add_overflow(needed, kWorkspaceAlignment - 1, &with_alignment)
               ? 0
               : with_alignment;
}

densq_status start_on_device(const CudaWeights &weights, MultiplyCall call, densq_fault *fault) {
    call.matrix = weights.matrix;
    call.exact = weights.cuda().exact;
    // The workspace may begin anywhere: workspace_size includes the bytes that are skipped here.
    call.workspace = align_up(call.workspace, kWorkspaceAlignment);
    if (call.batch == 1) {
        call.x_stride = weights.cols;
        call.y_stride = weights.rows;
    }
    const OnDevice on_device(weights.cuda().device);
    if (on_device.error()) return check(on_device.error(), fault, "choosing the device");
    return check(start(call), fault, "starting the multiplication");
}

}  // namespace

size_t workspace_size(const Operands &operands) {
    size_t most = 0;
    for (uint32_t i = 0; i < operands.count; ++i) {
        const size_t bytes =
            workspace_of_one(as_cuda(operands.products[i].weights), operands.batch);
        if (bytes == 0) return 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

// One product after the other: a stream does not wait for the host between them.
densq_status matmul_on_default_stream(const Operands &operands, densq_fault *fault) {
    for (uint32_t i = 0; i < operands.count; ++i) {
        const densq_product &product = operands.products[i];
        const densq_status status =
            start_on_device(*as_cuda(product.weights),
                            {.matrix = {},
                             .exact = false,
                             .batch = operands.batch,
                             .x = operands.x,
                             .x_dtype = static_cast<Dtype>(operands.x_dtype),
                             .x_stride = operands.x_stride,
                             .y = product.y,
                             .y_dtype = static_cast<Dtype>(operands.y_dtype),
                             .y_stride = product.y_stride,
                             .workspace = operands.workspace,
                             .stream = nullptr},
                            fault);
        if (status) return status;
    }
    return DENSQ_OK;
}

}  // namespace densq::cuda

using namespace densq;

densq_status densq_cuda_matmul(const densq_weights *base, uint32_t batch, const void *x,
                               uint32_t x_dtype, size_t x_stride, void *y, uint32_t y_dtype,
                               size_t y_stride, void *workspace, size_t workspace_bytes,
                               void *stream, densq_fault *fault) {
    const cuda::CudaWeights *weights = cuda::as_cuda(base);
    if (!weights)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "weights are NULL or not CUDA's");
    if (batch == 0) return DENSQ_OK;
    const VectorArray in = {x, x_stride, weights->cols, dtype_bytes(x_dtype)};
    const VectorArray out = {y, y_stride, weights->rows, dtype_bytes(y_dtype)};
    if (!in.element_bytes || !out.element_bytes)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset,
                    "x_dtype or y_dtype is not one of densq_dtype");
    const size_t needed = cuda::workspace_of_one(weights, batch);
    if (needed == 0 || workspace_bytes < needed)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "the workspace has ",
                    static_cast<uint64_t>(workspace_bytes), " bytes, densq_workspace_size is ",
                    static_cast<uint64_t>(needed));
    if (!legal_array(batch, in) || !legal_array(batch, out) || !legal_bytes(workspace, needed) ||
        overlap(batch, in, out) || overlaps_bytes(batch, in, workspace, needed) ||
        overlaps_bytes(batch, out, workspace, needed))
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset,
                    "x, y or workspace is NULL, unaligned, too narrow, or overlaps another");
    return cuda::start_on_device(*weights,
                                 {.matrix = {},
                                  .exact = false,
                                  .batch = batch,
                                  .x = x,
                                  .x_dtype = static_cast<cuda::Dtype>(x_dtype),
                                  .x_stride = x_stride,
                                  .y = y,
                                  .y_dtype = static_cast<cuda::Dtype>(y_dtype),
                                  .y_stride = y_stride,
                                  .workspace = workspace,
                                  .stream = stream},
                                 fault);
}
