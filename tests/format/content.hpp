// SPDX-License-Identifier: MIT
// content.hpp - what the matrices that make_golden.py writes must hold, computed from their names:
// ROWSxCOLS.bBITS.sPERIOD.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "densq/densq.h"

namespace densq::test {

struct Formula {
    uint32_t rows, cols, bits, period;

    explicit Formula(const std::string &name) {
        if (std::sscanf(name.c_str(), "%ux%u.b%u.s%u", &rows, &cols, &bits, &period) != 4)
            rows = cols = bits = period = 0;
    }

    bool is_sparse(uint32_t row, uint32_t col) const {
        return period && (static_cast<uint64_t>(row) * cols + col) % period == period / 2;
    }

    uint32_t nnz() const {
        const uint64_t weights = static_cast<uint64_t>(rows) * cols;
        return period ? static_cast<uint32_t>((weights + (period - 1) / 2) / period) : 0;
    }

    float weight(uint32_t row, uint32_t col) const {
        const uint32_t entries = 1u << bits;
        const uint32_t code = (5 * row + 3 * col + col / 32 + col / 512) % entries;
        const float dense = (static_cast<float>(code) - static_cast<float>(entries / 2)) / 8 +
                            static_cast<float>(row) / 64;
        return is_sparse(row, col) ? dense + 2 + static_cast<float>(col % 8) / 4 : dense;
    }
};

// Why matrix `index` of the file does not hold what its name says; "" if it does.
inline std::string compare_with_formula(const densq_file *file, uint32_t index) {
    densq_matrix matrix = {};
    matrix.struct_size = sizeof matrix;
    if (densq_get_matrix(file, index, &matrix) != DENSQ_OK) return "cannot be got";
    const std::string name(matrix.name, matrix.name_bytes);
    const Formula formula(name);
    if (matrix.rows != formula.rows || matrix.cols != formula.cols || matrix.bits != formula.bits ||
        matrix.nnz != formula.nnz())
        return name + " has another shape than its name says";
    std::vector<float> row(matrix.cols);
    for (uint32_t r = 0; r < matrix.rows; ++r) {
        if (densq_read_rows(file, index, r, 1, row.data(), row.size()) != DENSQ_OK)
            return name + " cannot be read";
        for (uint32_t c = 0; c < matrix.cols; ++c)
            if (row[c] != formula.weight(r, c))
                return name + " differs at row " + std::to_string(r) + ", column " +
                       std::to_string(c);
    }
    return "";
}

}  // namespace densq::test
