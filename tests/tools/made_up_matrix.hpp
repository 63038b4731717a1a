// SPDX-License-Identifier: MIT
// made_up_matrix.hpp - random weights and gradients, and what the tool makes of them.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "densq/half.h"
#include "densq/layout.h"
#include "tools/densq/quantize/quantize_matrix.hpp"

namespace made_up {

using namespace densq::tool;

struct Weights {
    uint32_t rows, cols;
    std::vector<float> values, gradients;  // without gradients: unweighted

    // Reads rows of `from`; empty if that is.
    RowReader reader(const std::vector<float> &from) const {
        if (from.empty()) return {};
        return [&from, width = size_t{cols}](uint32_t row, float *out) {
            std::copy_n(from.begin() + static_cast<ptrdiff_t>(row * width), width, out);
        };
    }
};

struct Options {
    uint32_t bits;
    double outliers, sensitive;
    uint32_t threads;
    std::string method = kFisherMethod;
    std::string select = {};

    MatrixRecipe recipe() const { return {bits, outliers, sensitive, method, select}; }
};

inline QuantizationResult quantize_with_notes(
    const Weights &w, const Options &options,
    const std::function<void(uint32_t)> &done = [](uint32_t) {}) {
    return quantize_matrix({w.rows, w.cols, w.reader(w.values), w.reader(w.gradients), {}},
                           options.recipe(), {options.threads, done});
}

inline QuantizedMatrix quantize(const Weights &w, const Options &options) {
    return quantize_with_notes(w, options).matrix;
}

inline Weights make_weights(uint32_t rows, uint32_t cols, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    Weights w = {rows, cols, {}, {}};
    for (size_t i = 0; i < static_cast<size_t>(rows) * cols; ++i) {
        w.values.push_back(0.02f * normal(random));
        w.gradients.push_back(std::exp(3 * normal(random)));
    }
    return w;
}

inline void check_same(const QuantizedMatrix &a, const QuantizedMatrix &b) {
    CHECK(a.lut == b.lut);
    CHECK(a.codes == b.codes);
    CHECK(a.row_ptr == b.row_ptr);
    CHECK(a.col == b.col);
    CHECK(a.val == b.val);
}

inline double to_double(uint16_t half) { return static_cast<double>(densq_f16_to_f32(half)); }

inline uint32_t code_at(const QuantizedMatrix &q, uint32_t row, uint32_t col) {
    const densq_code_place place = densq_place_code(q.rows, q.cols, q.bits, row, col);
    return densq_get_code(q.codes.data() + place.group, q.bits, place.field, place.slot);
}

}  // namespace made_up
