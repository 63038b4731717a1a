// SPDX-License-Identifier: MIT
#include "densq/densq.h"
#include "lib/base/dtype.hpp"
#include "lib/base/fault.hpp"
#include "lib/base/provider.hpp"

using namespace densq;

namespace {

constexpr uint32_t kMaxProducts = 1024;  // every y is compared with every other

densq_status bad(densq_fault *fault, const char *text) {
    return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, text);
}

densq_status bad_product(densq_fault *fault, uint32_t index, const char *text) {
    return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "products[", uint64_t{index}, "]", text);
}

// What can be checked of products without their arrays.  count > 0.
densq_status check_matrices(const densq_product *products, uint32_t count, densq_fault *fault) {
    if (!products) return bad(fault, "products is NULL");
    if (count > kMaxProducts) return bad(fault, "count is more than 1024");
    for (uint32_t i = 0; i < count; ++i) {
        const densq_weights *weights = products[i].weights;
        if (!weights) return bad_product(fault, i, ".weights is NULL");
        if (weights->backend != products->weights->backend)
            return bad_product(fault, i, ".weights has another backend than products[0]");
        if (weights->cols != products->weights->cols)
            return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "products[", uint64_t{i},
                        "].weights has ", uint64_t{weights->cols}, " columns, products[0] has ",
                        uint64_t{products->weights->cols});
    }
    return DENSQ_OK;
}

densq_status check_types(uint32_t x_dtype, uint32_t y_dtype, densq_fault *fault) {
    return dtype_bytes(x_dtype) && dtype_bytes(y_dtype)
               ? DENSQ_OK
               : bad(fault, "x_dtype or y_dtype is not one of densq_dtype");
}

VectorArray x_of(const Operands &operands) {
    return {operands.x, operands.x_stride, operands.products->weights->cols,
            dtype_bytes(operands.x_dtype)};
}

VectorArray y_of(const Operands &operands, uint32_t index) {
    const densq_product &product = operands.products[index];
    return {product.y, product.y_stride, product.weights->rows, dtype_bytes(operands.y_dtype)};
}

// A y is checked together with those before it.
densq_status check_y(const Operands &operands, uint32_t index, size_t workspace_bytes,
                     densq_fault *fault) {
    const uint32_t batch = operands.batch;
    const VectorArray y = y_of(operands, index);
    if (!legal_array(batch, y))
        return bad_product(fault, index,
                           ".y is NULL or not aligned, or y_stride is less than the rows");
    if (overlap(batch, x_of(operands), y)) return bad_product(fault, index, ".y overlaps x");
    if (overlaps_bytes(batch, y, operands.workspace, workspace_bytes))
        return bad_product(fault, index, ".y overlaps the workspace");
    for (uint32_t other = 0; other < index; ++other)
        if (overlap(batch, y_of(operands, other), y))
            return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "products[", uint64_t{index},
                        "].y overlaps products[", uint64_t{other}, "].y");
    return DENSQ_OK;
}

densq_status check_arrays(const Operands &operands, size_t workspace_bytes, densq_fault *fault) {
    const size_t needed = operands.products->weights->backend->ops->workspace_size(operands);
    if (needed == 0) return bad(fault, "the workspace would be larger than the address space");
    if (workspace_bytes < needed)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "the workspace has ",
                    uint64_t{workspace_bytes}, " bytes and needs ", uint64_t{needed});
    if (!legal_bytes(operands.workspace, needed)) return bad(fault, "workspace is NULL");
    if (!legal_array(operands.batch, x_of(operands)))
        return bad(fault, "x is NULL or not aligned, or x_stride is less than the columns");
    if (overlaps_bytes(operands.batch, x_of(operands), operands.workspace, needed))
        return bad(fault, "x overlaps the workspace");
    for (uint32_t i = 0; i < operands.count; ++i)
        if (const densq_status status = check_y(operands, i, needed, fault)) return status;
    return DENSQ_OK;
}

}  // namespace

size_t densq_workspace_size(const densq_weights *weights, uint32_t batch) {
    const densq_product product = {weights, nullptr, 0};
    return densq_workspace_size_shared(&product, 1, batch, DENSQ_F32, DENSQ_F32);
}

size_t densq_workspace_size_shared(const densq_product *products, uint32_t count, uint32_t batch,
                                   uint32_t x_dtype, uint32_t y_dtype) {
    if (count == 0 || check_matrices(products, count, nullptr) ||
        check_types(x_dtype, y_dtype, nullptr))
        return 0;
    return products->weights->backend->ops->workspace_size(
        {products, count, batch, nullptr, x_dtype, 0, y_dtype, nullptr});
}

densq_status densq_matmul(const densq_weights *weights, uint32_t batch, const float *x,
                          size_t x_stride, float *y, size_t y_stride, void *workspace,
                          size_t workspace_bytes) {
    const densq_product product = {weights, y, y_stride};
    return densq_matmul_shared(&product, 1, batch, x, DENSQ_F32, x_stride, DENSQ_F32, workspace,
                               workspace_bytes, nullptr);
}

densq_status densq_matmul_shared(const densq_product *products, uint32_t count, uint32_t batch,
                                 const void *x, uint32_t x_dtype, size_t x_stride, uint32_t y_dtype,
                                 void *workspace, size_t workspace_bytes, densq_fault *fault) {
    if (count == 0) return DENSQ_OK;
    densq_status status = check_matrices(products, count, fault);
    if (!status) status = check_types(x_dtype, y_dtype, fault);
    if (status || batch == 0) return status;
    const Operands operands = {products, count, batch, x, x_dtype, x_stride, y_dtype, workspace};
    status = check_arrays(operands, workspace_bytes, fault);
    return status ? status : products->weights->backend->ops->matmul(operands, fault);
}
