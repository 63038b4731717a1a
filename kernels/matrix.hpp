// SPDX-License-Identifier: MIT
// matrix.hpp - where the parts of a matrix lie in memory.
#pragma once
#include <stdint.h>

namespace densq {

// Pointers are into a file that has been proved, but for the two fast ones: they are made when the
// matrix is bound, for the fast precision (kernels/table.hpp), and are NULL otherwise.
struct Matrix {
    uint32_t rows, cols, bits;
    const uint8_t *codes;     // densq/layout.h
    const uint16_t *lut;      // fp16 [rows][2^bits]
    const int16_t *fast_lut;  // [rows][2^bits], |entry| <= kFastMaxLut
    const float *fast_scale;  // [rows]: lut ~ fast_lut * fast_scale
    const uint32_t *row_ptr;  // [rows + 1]; NULL: no sparse part
    const void *col;          // uint16_t, or uint32_t if cols > DENSQ_MAX_COLS_16
    const uint16_t *val;      // fp16
};

}  // namespace densq
