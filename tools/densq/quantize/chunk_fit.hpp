// SPDX-License-Identifier: MIT
// chunk_fit.hpp - tables, codes and sparse values of some rows that change the layer's outputs as
// little as can be found (row_objective.hpp).
#pragma once
#include <cstdint>
#include <vector>

#include "code_sums.hpp"
#include "row_objective.hpp"

namespace densq::tool {

// A fit of up to kRows rows at a time, which are independent of each other; it begins with tables
// from elsewhere.  Values of the sparse part are free numbers.
class ChunkFit {
public:
    static constexpr uint32_t kRows = 64;

    ChunkFit(const RowObjective &objective, uint32_t bits);

    // `weights` and `sparse` (1: in the sparse part): [cols].  `centroids`: 1 to 2^bits of them,
    // ascending.
    void set_row(uint32_t row, const float *weights, const uint8_t *sparse,
                 const std::vector<double> &centroids);
    void fit();

    // Ascending; codes and fitted weights: [cols], of the sparse part what code and value are to
    // give together.
    std::vector<double> centroids(uint32_t row) const;
    void get_row(uint32_t row, uint8_t *codes, float *fitted) const;

private:
    // [cols][kRows]: the rows' values of a column lie beside each other.
    template <typename T>
    using Columns = std::vector<T>;

    void compute_gradient();
    void choose(uint32_t p, const float *wanted, float *change);
    void compensate_errors();
    void descend();
    void refit_tables();
    void solve_table(uint32_t row);
    void set_entry(uint32_t row, uint32_t k, double entry);
    void sort_table(uint32_t row);
    void find_middles();
    // Of all rows: the sum of (fitted - weight) H (fitted - weight)^T.
    double objective_value() const;

    const RowObjective &objective;
    uint32_t cols, entries;
    Columns<float> weight, fitted, gradient;  // gradient: H (fitted - weight)
    Columns<float> work;
    Columns<uint8_t> code, sparse;
    std::vector<double> exact;         // [entries][kRows]: entries before rounding to halves
    std::vector<float> table, middle;  // [entries][kRows]; middles between an entry and the next
    std::vector<float> errors;         // of a block of columns
    CodeSums sums;
};

}  // namespace densq::tool
