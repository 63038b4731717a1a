// SPDX-License-Identifier: MIT
// matrix.hpp - where the parts of a matrix lie in memory.
#pragma once
#include <stdint.h>

namespace densq {

// A row's LUT as integers: entry k ~ integer k * scale + offset.
struct RowScale {
    float scale, offset;
};

// Pointers are into a file that has been proved, but for the two of the integers: these are made
// when the matrix is bound, for a precision that has them (kernels/table.hpp), and are NULL
// otherwise.
struct Matrix {
    uint32_t rows, cols, bits;
    const uint8_t *codes;       // densq/layout.h
    const uint16_t *lut;        // fp16 [rows][2^bits]
    const void *integers;       // [rows][2^bits]: int16_t (fast), uint8_t (int8)
    const RowScale *row_scale;  // [rows]
    const uint32_t *row_ptr;    // [rows + 1]; NULL: no sparse part
    const void *col;            // uint16_t, or uint32_t if cols > DENSQ_MAX_COLS_16
    const uint16_t *val;        // fp16
};

}  // namespace densq
