// SPDX-License-Identifier: MIT
// read_rows.cpp - a matrix's rows as floats.
#include "densq/format.h"
#include "densq/half.h"
#include "densq/layout.h"
#include "kernels/widths.hpp"
#include "lib/base/float_environment.hpp"
#include "lib/file/file.hpp"

namespace densq {
namespace {

// The number of bits is a constant, and the place of the unit is computed only once, so that the
// compiler can make a fast loop of it.
template <uint32_t bits>
void read_unit(const uint8_t *group, uint32_t field, uint32_t slots, const float *lut, float *out) {
    for (uint32_t slot = 0; slot < slots; ++slot)
        out[slot] = lut[densq_get_code(group, bits, field, slot)];
}

template <uint32_t bits>
void read_dense(const Matrix &matrix, uint32_t row, float *out) {
    constexpr uint32_t kEntries = 1u << bits;
    float lut[kEntries];
    for (uint32_t k = 0; k < kEntries; ++k)
        lut[k] = densq_f16_to_f32(matrix.lut[static_cast<size_t>(row) * kEntries + k]);
    for (uint32_t begin = 0; begin < matrix.cols; begin += DENSQ_UNIT_COLS) {
        const densq_code_place place = densq_place_code(matrix.rows, matrix.cols, bits, row, begin);
        const uint8_t *group = matrix.codes + place.group;
        const uint32_t left = matrix.cols - begin;
        if (left < DENSQ_UNIT_COLS)
            read_unit<bits>(group, place.field, left, lut, out + begin);
        else
            read_unit<bits>(group, place.field, DENSQ_UNIT_COLS, lut, out + begin);
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
    const FloatEnvironment environment;
    for (uint32_t i = 0; i < count; ++i, out += out_stride) {
        with_width(matrix.bits, [&](auto bits) { read_dense<bits.value>(matrix, row + i, out); });
        if (!matrix.row_ptr) continue;
        if (matrix.cols <= DENSQ_MAX_COLS_16)
            add_sparse<uint16_t>(matrix, row + i, out);
        else
            add_sparse<uint32_t>(matrix, row + i, out);
    }
}

}  // namespace densq
