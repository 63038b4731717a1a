// SPDX-License-Identifier: MIT
#include "row_objective.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "blas.hpp"

namespace densq::tool {
namespace {

// What is added to the diagonal, as a part of its mean.  More only where rounding leaves no
// inverse.
constexpr float kDamping = 0.01f, kMostDamping = 10;

}  // namespace

RowObjective::RowObjective(uint32_t cols, const RowReader &moments)
    : columns(cols), matrix(size_t{cols} * cols) {
    std::vector<float> row(cols), diagonal(cols);
    for (uint32_t i = 0; i < cols; ++i) {
        moments(i, row.data());
        diagonal[i] = row[0];
    }
    std::iota(columns.begin(), columns.end(), 0u);
    std::stable_sort(columns.begin(), columns.end(),
                     [&](uint32_t a, uint32_t b) { return diagonal[a] < diagonal[b]; });
    std::vector<uint32_t> place(cols);
    for (uint32_t p = 0; p < cols; ++p) place[columns[p]] = p;
    for (uint32_t i = 0; i < cols; ++i) {
        moments(i, row.data());
        const size_t p = place[i];
        for (uint32_t j = i; j < cols; ++j) {
            const size_t q = place[j];
            matrix[p * cols + q] = matrix[q * cols + p] = row[j - i];
        }
    }
    damp_and_invert();
}

void RowObjective::damp_and_invert() {
    const size_t n = columns.size();
    double trace = 0;
    for (size_t p = 0; p < n; ++p) trace += static_cast<double>(matrix[p * n + p]);
    const auto mean = static_cast<float>(trace / static_cast<double>(n));
    float damped = 0;
    for (float damping = kDamping; damping <= kMostDamping; damping *= 10) {
        for (size_t p = 0; p < n; ++p) matrix[p * n + p] += (damping - damped) * mean;
        damped = damping;
        inverse = matrix;
        if (invert_cholesky_factor(static_cast<uint32_t>(n), inverse.data())) return;
    }
    throw NoSecondMoments();
}

}  // namespace densq::tool
