// SPDX-License-Identifier: MIT
// read_rows.cpp - a matrix's rows as floats.
#include "densq/format.h"
#include "densq/half.h"
#include "densq/layout.h"
#include "lib/file.hpp"

namespace densq {
namespace {

void read_dense(const Matrix &matrix, uint32_t row, float *out) {
    const uint32_t entries = 1u << matrix.bits;
    float lut[16];
    for (uint32_t k = 0; k < entries; ++k)
        lut[k] = densq_f16_to_f32(matrix.lut[static_cast<size_t>(row) * entries + k]);
    for (uint32_t begin = 0; begin < matrix.cols; begin += DENSQ_UNIT_COLS) {
        const densq_code_place place =
            densq_place_code(matrix.rows, matrix.cols, matrix.bits, row, begin);
        const uint8_t *group = matrix.codes + place.group;
        const uint32_t left = matrix.cols - begin;
        const uint32_t lanes = left < DENSQ_UNIT_COLS ? left : DENSQ_UNIT_COLS;
        for (uint32_t lane = 0; lane < lanes; ++lane)
            out[begin + lane] = lut[densq_get_code(group, matrix.bits, place.field, lane)];
    }
}

template <typename Col>
void add_sparse(const Matrix &matrix, uint32_t row, float *out) {
    const auto *col = static_cast<const Col *>(matrix.col);
    for (uint32_t i = matrix.row_ptr[row]; i < matrix.row_ptr[row + 1]; ++i)
        out[col[i]] += densq_f16_to_f32(matrix.val[i]);
}

}  // namespace

void read_rows(const Matrix &matrix, uint32_t row, uint32_t count, float *out, size_t out_stride) {
    for (uint32_t i = 0; i < count; ++i, out += out_stride) {
        read_dense(matrix, row + i, out);
        if (!matrix.row_ptr) continue;
        if (matrix.cols <= DENSQ_MAX_COLS_16)
            add_sparse<uint16_t>(matrix, row + i, out);
        else
            add_sparse<uint32_t>(matrix, row + i, out);
    }
}

}  // namespace densq
