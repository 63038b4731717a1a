// SPDX-License-Identifier: MIT
// integer_luts.hpp - the LUTs of a matrix as integers, for the precisions that multiply integers.
#pragma once
#include "densq/densq.h"
#include "kernels/matrix.hpp"

namespace densq {

// Bytes of an entry, 0 for a precision that takes the LUTs of the file.
uint32_t integer_bytes(densq_precision precision);

// Fills integers[rows][2^bits] and row_scale[rows], see Matrix.
void make_integer_luts(const Matrix &matrix, densq_precision precision, void *integers,
                       RowScale *row_scale);

}  // namespace densq
