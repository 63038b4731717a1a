// SPDX-License-Identifier: MIT
// code_sums.hpp - the equations of the best tables: sums of second moments by pairs of codes.
#pragma once
#include <cstdint>
#include <vector>

#include "aligned_vector.hpp"
#include "row_objective.hpp"

namespace densq::tool {

// For some rows of codes over the same columns, what the tables of all of them are solved from.
class CodeSums {
public:
    // Codes are below `entries`, which is at most 2^DENSQ_MAX_BITS.
    CodeSums(uint32_t rows, uint32_t cols, uint32_t entries);

    // A code of `entries` leaves the column out.
    void set_code(uint32_t row, uint32_t col, uint8_t code) {
        codes[size_t{row} * cols + col] = code;
    }
    // Of the objective's H.
    void compute(const RowObjective &objective);

    // [entries][entries]: (k, l) is the sum over all pairs of columns of which the first has the
    // code k and the second l.  Symmetric; of the last compute(), to be overwritten at will.
    double *of_row(uint32_t row) { return sums.data() + size_t{row} * entries * entries; }

private:
    void add_rows(uint32_t row, const float *block, uint32_t first, uint32_t last);
    void add_block(uint32_t row, uint32_t begin);

    uint32_t rows, cols, entries;
    std::vector<uint8_t> codes;    // [rows][cols]
    AlignedVector<float> by_code;  // [rows][entries + 1][columns of a block]
    std::vector<double> sums;
};

}  // namespace densq::tool
