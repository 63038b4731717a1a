// SPDX-License-Identifier: MIT
#include "linear.hpp"

#include <cblas.h>

#include <algorithm>

#include "error.hpp"
#include "floats.hpp"

namespace llama {
namespace {

constexpr size_t kBlockElements = 128 * 1024;  // half a megabyte of floats: stays in the L2 cache

}  // namespace

Linear::Linear(const Weights &weights_, const std::string &name_, uint32_t rows_, uint32_t cols_)
    : name(name_), rows(rows_), cols(cols_), weights(&weights_) {
    if (!weights->has_matrix(name)) {
        plain = weights->tensor(name, {rows, cols});
        return;
    }
    index = weights->matrix(name, rows, cols);
    densq_fault fault = {};
    densq_weights *made = nullptr;
    if (densq_bind(&made, weights->multiplier().backend(), weights->file(), index, &fault) !=
        DENSQ_OK)
        throw Error(weights->path + ": matrix '" + name + "': " + fault.text);
    bound.reset(made);
}

void Linear::apply(const float *x, uint32_t count, float *y) const {
    apply_all({{this, y}}, x, count);
}

void apply_all(std::initializer_list<LayerOutput> outputs, const float *x, uint32_t count) {
    std::vector<densq_product> products;
    for (const auto &[layer, y] : outputs) {
        if (layer->observer) (*layer->observer)(*layer, x, count);
        if (layer->bound)
            products.push_back({layer->bound.get(), y, layer->rows});
        else
            layer->apply_plain(x, count, y);
    }
    const Linear &any = *outputs.begin()->layer;
    if (!products.empty()) any.weights->multiplier().multiply(products, x, count, any.cols);
}

// Block after block of rows, which stay in the file's type until they are needed.
void Linear::apply_plain(const float *x, uint32_t count, float *y) const {
    const auto block_rows = static_cast<uint32_t>(std::max<size_t>(1, kBlockElements / cols));
    const uint32_t blocks = (rows + block_rows - 1) / block_rows;
    weights->threads().run(blocks, [&](uint32_t block) {
        const uint32_t first = block * block_rows;
        apply_rows(first, std::min(block_rows, rows - first), x, count, y);
    });
}

void Linear::apply_rows(uint32_t first, uint32_t number, const float *x, uint32_t count,
                        float *y) const {
    static thread_local std::vector<float> converted;
    const size_t begin = static_cast<size_t>(first) * cols,
                 size = static_cast<size_t>(number) * cols;
    const float *block;
    if (plain.dtype == DENSQ_F32) {
        block = static_cast<const float *>(plain.data) + begin;
    } else {
        converted.resize(std::max(converted.size(), size));
        read_floats(plain, begin, size, converted.data());
        block = converted.data();
    }
    const auto m = static_cast<blasint>(number), k = static_cast<blasint>(cols);
    if (count == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, block, k, x, 1, 0, y + first, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(count), m, k, 1,
                    x, k, block, k, 0, y + first, static_cast<blasint>(rows));
}

void Linear::read_row(uint32_t row, float *out) const {
    if (!bound) return read_floats(plain, static_cast<size_t>(row) * cols, cols, out);
    const densq_status status = densq_read_rows(weights->file(), index, row, 1, out, cols);
    if (status != DENSQ_OK) throw Error(name + ": " + densq_strerror(status));
}

}  // namespace llama
