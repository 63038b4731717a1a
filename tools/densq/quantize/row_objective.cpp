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

// Gives add() the elements (i, j), i <= j, of the moments.
template <typename Add>
void for_each_moment(uint32_t cols, const RowReader &moments, Add add) {
    std::vector<float> row(cols);
    for (uint32_t i = 0; i < cols; ++i) {
        moments(i, row.data());
        for (uint32_t j = i; j < cols; ++j) add(i, j, row[j - i]);
    }
}

}  // namespace

RowObjective::RowObjective(uint32_t cols, const RowReader &moments) : columns(cols), place(cols) {
    std::vector<float> diagonal(cols);
    double trace = 0;
    for_each_moment(cols, moments, [&](uint32_t i, uint32_t j, float value) {
        if (i != j) return;
        diagonal[i] = value;
        trace += static_cast<double>(value);
    });
    std::iota(columns.begin(), columns.end(), 0u);
    std::stable_sort(columns.begin(), columns.end(),
                     [&](uint32_t a, uint32_t b) { return diagonal[a] < diagonal[b]; });
    for (uint32_t p = 0; p < cols; ++p) place[columns[p]] = p;

    if (trace > 0) factor = std::exp2f(static_cast<float>(-std::ilogb(trace / cols)));
    const float mean = static_cast<float>(trace / cols) * factor;
    damped = kDamping * mean;
    while (!invert(moments)) {
        damped *= 10;
        if (damped > kMostDamping * mean) throw NoSecondMoments();
    }
    matrix.resize(size_t{blocks()} * cols * kBlock);
    const auto at = [&](uint32_t p, uint32_t q) -> float & {
        return matrix[(size_t{p / kBlock} * cols + q) * kBlock + p % kBlock];
    };
    for_each_moment(cols, moments, [&](uint32_t i, uint32_t j, float value) {
        value *= factor;
        at(place[i], place[j]) = at(place[j], place[i]) = i == j ? value + damped : value;
    });
}

void RowObjective::add_product(uint32_t rows, const float *values, float *to) const {
    for (uint32_t block = 0; block < blocks(); ++block) {
        const uint32_t begin = block * kBlock, end = std::min(cols(), begin + kBlock);
        tool::add_product(rows, end - begin, cols(), 1, {values, rows},
                          {moment(block), kBlock, true}, to + size_t{begin} * rows, rows);
    }
}

// Before there is `matrix`, so that memory has to hold only one and a half of it at a time.
bool RowObjective::invert(const RowReader &moments) {
    const uint32_t n = cols();
    std::vector<float> lower(size_t{n} * n);
    for_each_moment(n, moments, [&](uint32_t i, uint32_t j, float value) {
        const auto [low, high] = std::minmax(place[i], place[j]);
        value *= factor;
        lower[high + size_t{low} * n] = i == j ? value + damped : value;
    });
    if (!invert_cholesky_factor(n, lower.data())) return false;
    inverse.resize(size_t{blocks()} * (blocks() + 1) / 2 * kBlock * kBlock);
    for (uint32_t block = 0; block < blocks(); ++block) {
        const uint32_t begin = block * kBlock, end = std::min(n, begin + kBlock);
        float *to = inverse.data() + (inverse_factor(block) - inverse.data());
        for (uint32_t q = 0; q < end; ++q)
            for (uint32_t p = std::max(q, begin); p < end; ++p)
                to[size_t{q} * kBlock + p - begin] = lower[p + size_t{q} * n];
    }
    return true;
}

}  // namespace densq::tool
