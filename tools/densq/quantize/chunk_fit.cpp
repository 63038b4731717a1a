// SPDX-License-Identifier: MIT
#include "chunk_fit.hpp"

#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "densq/format.h"
#include "densq/half.h"
#include "also_avx2.hpp"

namespace densq::tool {
namespace {

constexpr uint32_t kRows = ChunkFit::kRows;
// Columns whose changes reach the others in one product.
constexpr uint32_t kBlock = RowObjective::kBlock;
constexpr int kCompensations = 1, kMostDescents = 3;
constexpr double kLeastGain = 0.01;  // of the objective, by one more descent
constexpr double kRidge = 1e-6;      // on the diagonal of a table's equations, of their mean
constexpr uint32_t kMostEntries = 1u << DENSQ_MAX_BITS;

// What lies at place p, a value for each row.
template <typename T>
T *at(std::vector<T> &values, uint32_t p) {
    return values.data() + size_t{p} * kRows;
}

template <typename T>
const T *at(const std::vector<T> &values, uint32_t p) {
    return values.data() + size_t{p} * kRows;
}

void add_scaled(float *to, const float *values, float factor) {
    for (uint32_t r = 0; r < kRows; ++r) to[r] += values[r] * factor;
}

// The entries nearest to what is wanted, and their codes; `table`, `middles`: as in ChunkFit.
DENSQ_TOOL_ALSO_AVX2 void find_nearest(const float *wanted, uint32_t entries, const float *table,
                                       const float *middles, float *nearest, uint8_t *codes) {
    float entry[kRows];
    uint8_t code[kRows] = {};
    std::copy_n(table, kRows, entry);
    for (uint32_t k = 0; k + 1 < entries; ++k) {
        const float *above = middles + k * kRows, *next = table + (k + 1) * kRows;
        for (uint32_t r = 0; r < kRows; ++r) {
            entry[r] = wanted[r] > above[r] ? next[r] : entry[r];
            code[r] = static_cast<uint8_t>(code[r] + (wanted[r] > above[r]));
        }
    }
    std::copy_n(entry, kRows, nearest);
    std::copy_n(code, kRows, codes);
}

float rounded(double value) {
    const float limited = std::clamp(static_cast<float>(value), -kLargestWeight, kLargestWeight);
    return densq_f16_to_f32(densq_f32_to_f16(limited));
}

// Solves a x = b for a symmetric positive definite a of size n, both of which it overwrites.
// Returns false if it is not positive definite.
bool solve(uint32_t n, double *a, double *b) {
    for (uint32_t j = 0; j < n; ++j) {
        for (uint32_t k = 0; k < j; ++k)
            for (uint32_t i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * a[j * n + k];
        if (!(a[j * n + j] > 0)) return false;
        const double root = std::sqrt(a[j * n + j]);
        for (uint32_t i = j; i < n; ++i) a[i * n + j] /= root;
    }
    for (uint32_t i = 0; i < n; ++i) {
        for (uint32_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    for (uint32_t i = n; i-- > 0;) {
        for (uint32_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
        b[i] /= a[i * n + i];
    }
    return true;
}

}  // namespace

ChunkFit::ChunkFit(const RowObjective &objective_, uint32_t bits)
    : objective(objective_), cols(objective.cols()), entries(1u << bits),
      weight(size_t{cols} * kRows), fitted(weight), gradient(weight), work(weight),
      code(weight.size()), sparse(weight.size()), exact(size_t{entries} * kRows),
      table(exact.size()), middle(exact.size()), errors(size_t{kBlock} * kRows),
      sums(kRows, cols, entries) {}

void ChunkFit::set_row(uint32_t row, const float *weights, const uint8_t *in_sparse_part,
                       const std::vector<double> &centroids) {
    for (uint32_t p = 0; p < cols; ++p) {
        const uint32_t column = objective.column(p);
        at(weight, p)[row] = weights[column];
        at(sparse, p)[row] = in_sparse_part[column];
    }
    for (uint32_t k = 0; k < entries; ++k)
        set_entry(row, k, centroids[std::min<size_t>(k, centroids.size() - 1)]);
}

void ChunkFit::set_entry(uint32_t row, uint32_t k, double entry) {
    at(exact, k)[row] = entry;
    at(table, k)[row] = rounded(entry);
}

void ChunkFit::fit() {
    find_middles();
    for (uint32_t p = 0; p < cols; ++p) choose(p, at(weight, p), nullptr);
    compute_gradient();
    for (int i = 0; i < kCompensations; ++i) {
        refit_tables();
        compensate_errors();
        compute_gradient();
    }
    double before = INFINITY;
    for (int i = 0; i < kMostDescents; ++i) {
        refit_tables();
        compute_gradient();
        descend();
        const double now = objective_value();
        if (!(now < (1 - kLeastGain) * before)) break;
        before = now;
    }
    refit_tables();
}

// gradient = H (fitted - weight)
void ChunkFit::compute_gradient() {
    for (uint32_t p = 0; p < cols; ++p)
        for (uint32_t r = 0; r < kRows; ++r) at(work, p)[r] = at(fitted, p)[r] - at(weight, p)[r];
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    objective.add_product(kRows, work.data(), gradient.data());
}

// Fits column p to what is wanted; `change`: how far it moves, if asked for.
void ChunkFit::choose(uint32_t p, const float *wanted, float *change) {
    float nearest[kRows];
    find_nearest(wanted, entries, table.data(), middle.data(), nearest, at(code, p));
    float *to = at(fitted, p);
    const uint8_t *is_sparse = at(sparse, p);
    for (uint32_t r = 0; r < kRows; ++r) {
        const float value = is_sparse[r] ? wanted[r] : nearest[r];
        if (change) change[r] = value - to[r];
        to[r] = value;
    }
}

// Quantizes column after column; what that changes in the outputs, the columns that are still to
// come make up for as well as they can.
void ChunkFit::compensate_errors() {
    work = weight;
    for (uint32_t block = objective.blocks(); block-- > 0;) {
        const uint32_t begin = block * kBlock, end = std::min(cols, begin + kBlock);
        const float *factor = objective.inverse_factor(block);
        for (uint32_t p = end; p-- > begin;) {
            float *wanted = at(work, p), *error = at(errors, p - begin);
            choose(p, wanted, nullptr);
            const float *now = at(fitted, p);
            const float scale = 1 / factor[size_t{p} * kBlock + p - begin];
            for (uint32_t r = 0; r < kRows; ++r) error[r] = (wanted[r] - now[r]) * scale;
            for (uint32_t q = begin; q < p; ++q)
                add_scaled(at(work, q), error, -factor[size_t{q} * kBlock + p - begin]);
        }
        add_product(kRows, begin, end - begin, -1, {errors.data(), kRows}, {factor, kBlock},
                    work.data(), kRows);
    }
}

// Moves each weight to where the objective is least while all others stay.
void ChunkFit::descend() {
    for (uint32_t block = objective.blocks(); block-- > 0;) {
        const uint32_t begin = block * kBlock, end = std::min(cols, begin + kBlock);
        const float *moment = objective.moment(block);
        for (uint32_t p = end; p-- > begin;) {
            const float *of_column = moment + size_t{p} * kBlock;
            const float *now = at(fitted, p), *slope = at(gradient, p);
            float wanted[kRows], *change = at(errors, p - begin);
            for (uint32_t r = 0; r < kRows; ++r)
                wanted[r] = now[r] - slope[r] / of_column[p - begin];
            choose(p, wanted, change);
            for (uint32_t q = begin; q < end; ++q)
                add_scaled(at(gradient, q), change, of_column[q - begin]);
        }
        add_product(kRows, begin, end - begin, 1, {errors.data(), kRows}, {moment, kBlock},
                    gradient.data(), kRows);
        if (end < cols)
            add_product(kRows, cols - end, end - begin, 1, {errors.data(), kRows},
                        {moment + size_t{end} * kBlock, kBlock}, at(gradient, end), kRows);
    }
}

// The table of each row that is best for its codes: where the gradient by each entry is 0.
void ChunkFit::refit_tables() {
    for (uint32_t p = 0; p < cols; ++p)
        for (uint32_t r = 0; r < kRows; ++r)
            sums.set_code(r, p, at(sparse, p)[r] ? static_cast<uint8_t>(entries) : at(code, p)[r]);
    sums.compute(objective);
    for (uint32_t row = 0; row < kRows; ++row) {
        solve_table(row);
        sort_table(row);
    }
    find_middles();
    for (uint32_t p = 0; p < cols; ++p)
        for (uint32_t r = 0; r < kRows; ++r)
            if (!at(sparse, p)[r]) at(fitted, p)[r] = at(table, at(code, p)[r])[r];
}

void ChunkFit::solve_table(uint32_t row) {
    double step[kMostEntries] = {}, trace = 0, *equations = sums.of_row(row);
    for (uint32_t p = 0; p < cols; ++p)
        if (!at(sparse, p)[row])
            step[at(code, p)[row]] -= static_cast<double>(at(gradient, p)[row]);
    for (uint32_t k = 0; k < entries; ++k) trace += equations[k * entries + k];
    for (uint32_t k = 0; k < entries; ++k) equations[k * entries + k] += kRidge * trace / entries;
    if (!solve(entries, equations, step)) return;
    for (uint32_t k = 0; k < entries; ++k)
        set_entry(row, k, static_cast<double>(at(table, k)[row]) + step[k]);
}

void ChunkFit::sort_table(uint32_t row) {
    uint8_t order[kMostEntries], place[kMostEntries];
    double old[kMostEntries];
    for (uint32_t k = 0; k < entries; ++k) {
        order[k] = static_cast<uint8_t>(k);
        old[k] = at(exact, k)[row];
    }
    std::stable_sort(order, order + entries, [&](uint8_t a, uint8_t b) { return old[a] < old[b]; });
    if (std::is_sorted(order, order + entries)) return;
    for (uint32_t k = 0; k < entries; ++k) {
        place[order[k]] = static_cast<uint8_t>(k);
        set_entry(row, k, old[order[k]]);
    }
    for (uint32_t p = 0; p < cols; ++p) {
        uint8_t &of_column = at(code, p)[row];
        of_column = place[of_column];
    }
}

void ChunkFit::find_middles() {
    for (size_t i = 0; i + kRows < table.size(); ++i) middle[i] = (table[i] + table[i + kRows]) / 2;
}

double ChunkFit::objective_value() const {
    double sum = 0;
    for (size_t i = 0; i < weight.size(); ++i)
        sum += static_cast<double>(fitted[i] - weight[i]) * static_cast<double>(gradient[i]);
    return sum;
}

std::vector<double> ChunkFit::centroids(uint32_t row) const {
    std::vector<double> of_row(entries);
    for (uint32_t k = 0; k < entries; ++k) of_row[k] = at(exact, k)[row];
    return of_row;
}

void ChunkFit::get_row(uint32_t row, uint8_t *codes, float *values) const {
    for (uint32_t p = 0; p < cols; ++p) {
        codes[objective.column(p)] = at(code, p)[row];
        values[objective.column(p)] = at(fitted, p)[row];
    }
}

}  // namespace densq::tool
