// SPDX-License-Identifier: MIT
// made_matrices.hpp - small quantized matrices for tests of the writer.
#pragma once
#include <cstdint>
#include <vector>

#include "densq/layout.h"
#include "tools/densq/format/directory.hpp"
#include "tools/densq/format/quantized_matrix.hpp"

namespace densq::test {

inline tool::QuantizedMatrix make_matrix(uint32_t rows, uint32_t cols, uint32_t bits,
                                         const std::vector<uint32_t> &sparse_cols) {
    tool::QuantizedMatrix matrix = {rows, cols, bits, {}, {}, {}, sparse_cols, {}};
    matrix.lut.assign(static_cast<size_t>(rows) << bits, 0x3C00);  // 1.0
    matrix.codes.resize(densq_codes_bytes(rows, cols, bits));
    matrix.row_ptr.assign(rows + 1, static_cast<uint32_t>(sparse_cols.size()));  // all in row 0
    matrix.row_ptr[0] = 0;
    matrix.val.assign(sparse_cols.size(), 0x4000);  // 2.0
    return matrix;
}

inline tool::MatrixPlan plan_of(const tool::QuantizedMatrix &matrix) {
    return {matrix.rows, matrix.cols, matrix.bits, static_cast<uint32_t>(matrix.val.size())};
}

}  // namespace densq::test
