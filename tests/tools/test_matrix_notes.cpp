// SPDX-License-Identifier: MIT
// What is told of a matrix whose numbers are not what they should be, and what they cost.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/tools/made_up_matrix.hpp"

using namespace made_up;

TEST_CASE("matrix: notes count the rows that fp16 cannot hold and those with mostly zeros") {
    Weights w = make_weights(70, 40, 14);
    for (const uint32_t row : {3u, 17u, 69u})  // too small
        for (size_t i = 0; i < 40; ++i) w.values[row * 40 + i] *= 1e-7f;
    std::fill_n(w.values.begin() + 5 * 40, 40, 0.0f);  // loses nothing
    std::fill_n(w.values.begin() + 6 * 40, 40, 65504.0f);
    std::fill_n(w.gradients.begin() + 8 * 40, 21, 0.0f);
    std::fill_n(w.gradients.begin() + 9 * 40, 20, 0.0f);
    std::fill_n(w.gradients.begin() + 10 * 40, 40, 0.0f);
    for (const uint32_t threads : {1u, 3u}) {
        const MatrixNotes notes = quantize_with_notes(w, {4, 0, 0, threads}).notes;
        CHECK(notes.rows_lost_to_fp16 == 3);
        CHECK(notes.largest_error > 0.9);
        CHECK(notes.largest_error <= 1.01);
        CHECK(notes.rows_mostly_zero == 1);
    }
    const MatrixNotes healthy = quantize_with_notes(make_weights(70, 40, 14), {2, 0, 0, 1}).notes;
    CHECK(healthy.rows_lost_to_fp16 == 0);
    CHECK(healthy.largest_error == 0);
    CHECK(healthy.rows_mostly_zero == 0);
}

TEST_CASE("matrix: gradients that are mostly zero cost little beside none") {
    Weights w = make_weights(8, 512, 15);
    for (float &gradient : w.gradients)
        if (gradient < 200) gradient = 0;  // too small for some dtype
    CHECK(std::count(w.gradients.begin(), w.gradients.end(), 0.0f) > 0.95 * 8 * 512);
    const auto error_of = [&](const QuantizedMatrix &q) {
        double error = 0;
        for (uint32_t r = 0; r < w.rows; ++r)
            for (uint32_t c = 0; c < w.cols; ++c) {
                const double entry = to_double(q.lut[r * 8 + code_at(q, r, c)]);
                error += std::pow(entry - static_cast<double>(w.values[r * 512 + c]), 2);
            }
        return std::sqrt(error);
    };
    const double weighted = error_of(quantize(w, {3, 0, 0, 1}));
    w.gradients.clear();
    CHECK(weighted < 1.25 * error_of(quantize(w, {3, 0, 0, 1})));
}
