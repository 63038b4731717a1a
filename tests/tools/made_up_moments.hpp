// SPDX-License-Identifier: MIT
// made_up_moments.hpp - second moments of inputs that go together, and what they say of an error.
#pragma once
#include <cstdint>
#include <vector>

#include "tests/tools/made_up_matrix.hpp"

namespace made_up {

// Symmetric, [cols][cols].
struct Moments {
    uint32_t cols;
    std::vector<float> values;

    RowReader reader() const {
        return [this](uint32_t row, float *out) {
            const size_t begin = size_t{row} * cols;
            std::copy(&values[begin + row], values.data() + begin + cols, out);
        };
    }

    // error H error^T
    double measure(const std::vector<double> &error) const {
        double sum = 0;
        for (size_t i = 0; i < cols; ++i)
            for (size_t j = 0; j < cols; ++j)
                sum += error[i] * static_cast<double>(values[i * cols + j]) * error[j];
        return sum;
    }
};

// Of inputs that are mixtures of a few sources and some noise; `scales` differ by column.
inline Moments make_moments(uint32_t cols, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const uint32_t tokens = 2 * cols, sources = 1 + cols / 8;
    std::vector<float> mixing(size_t{cols} * sources), scale(cols);
    for (float &part : mixing) part = normal(random);
    for (float &value : scale) value = std::exp(normal(random));
    Moments moments = {cols, std::vector<float>(size_t{cols} * cols)};
    std::vector<float> x(cols), source(sources);
    for (uint32_t t = 0; t < tokens; ++t) {
        for (float &value : source) value = normal(random);
        for (uint32_t c = 0; c < cols; ++c) {
            x[c] = normal(random);
            for (uint32_t s = 0; s < sources; ++s) x[c] += mixing[c * sources + s] * source[s];
            x[c] *= scale[c];
        }
        for (size_t i = 0; i < cols; ++i)
            for (size_t j = 0; j < cols; ++j) moments.values[i * cols + j] += x[i] * x[j];
    }
    return moments;
}

// Of inputs that are independent and of one size.
inline Moments equal_moments(uint32_t cols) {
    Moments moments = {cols, std::vector<float>(size_t{cols} * cols)};
    for (size_t i = 0; i < cols; ++i) moments.values[i * cols + i] = 2;
    return moments;
}

inline QuantizedMatrix quantize(const Weights &w, const Options &options, const Moments &moments) {
    const MatrixSource source = {w.rows, w.cols, w.reader(w.values), w.reader(w.gradients),
                                 moments.reader()};
    return quantize_matrix(source, options.recipe(), {options.threads, [](uint32_t) {}}).matrix;
}

// What the decoded row differs by from the weights.
inline std::vector<double> error_of_row(const Weights &w, const QuantizedMatrix &q, uint32_t row) {
    std::vector<double> error(w.cols);
    for (uint32_t c = 0; c < w.cols; ++c)
        error[c] = to_double(q.lut[(size_t{row} << q.bits) + code_at(q, row, c)]) -
                   static_cast<double>(w.values[size_t{row} * w.cols + c]);
    for (uint32_t i = q.row_ptr[row]; i < q.row_ptr[row + 1]; ++i)
        error[q.col[i]] += to_double(q.val[i]);
    return error;
}

// Of all rows.
inline double measure(const Weights &w, const QuantizedMatrix &q, const Moments &moments) {
    double sum = 0;
    for (uint32_t r = 0; r < w.rows; ++r) sum += moments.measure(error_of_row(w, q, r));
    return sum;
}

}  // namespace made_up
