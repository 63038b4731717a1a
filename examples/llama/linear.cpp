// SPDX-License-Identifier: MIT
#include "linear.hpp"

#include <cblas.h>

#include <algorithm>

#include "error.hpp"

namespace llama {

Linear::Linear(const Weights &weights_, const std::string &name_, uint32_t rows_, uint32_t cols_)
    : name(name_), rows(rows_), cols(cols_), weights(&weights_) {
    if (!weights->has_matrix(name)) {
        plain = weights->tensor(name, {rows, cols});
        return;
    }
    index = weights->matrix(name, rows, cols);
    densq_fault fault = {};
    densq_weights *made = nullptr;
    if (densq_bind(&made, weights->backend(), weights->file(), index, &fault) != DENSQ_OK)
        throw Error(weights->path + ": matrix '" + name + "': " + fault.text);
    bound.reset(made);
}

void Linear::apply(const float *x, uint32_t count, float *y) {
    if (observer) (*observer)(*this, x, count);
    if (bound) {
        const size_t needed = densq_workspace_size(bound.get(), count);
        if (workspace.size() < needed) workspace.resize(needed);
        const densq_status status = densq_matmul(bound.get(), count, x, cols, y, rows,
                                                 workspace.data(), workspace.size());
        if (status != DENSQ_OK) throw Error(name + ": " + densq_strerror(status));
        return;
    }
    const auto m = static_cast<blasint>(rows), k = static_cast<blasint>(cols);
    if (count == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, plain.data(), k, x, 1, 0, y, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(count), m, k, 1,
                    x, k, plain.data(), k, 0, y, m);
}

void Linear::read_row(uint32_t row, float *out) const {
    if (!bound) {
        std::copy_n(plain.data() + static_cast<size_t>(row) * cols, cols, out);
        return;
    }
    const densq_status status = densq_read_rows(weights->file(), index, row, 1, out, cols);
    if (status != DENSQ_OK) throw Error(name + ": " + densq_strerror(status));
}

}  // namespace llama
