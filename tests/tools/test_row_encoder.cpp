// SPDX-License-Identifier: MIT
// Codes and sparse values of a row against all that a file could hold.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "densq/half.h"
#include "densq/layout.h"
#include "tools/densq/quantize/row_encoder.hpp"

using namespace densq::tool;

namespace {

struct Encoded {
    QuantizedMatrix matrix;
    RowError error;

    double entry(uint32_t col) const {
        const densq_code_place place = densq_place_code(1, matrix.cols, matrix.bits, 0, col);
        return to_double(matrix.lut[densq_get_code(matrix.codes.data() + place.group, matrix.bits,
                                                   place.field, place.slot)]);
    }
    double value(uint32_t col) const { return to_double(matrix.val[col]); }
    double decode(uint32_t col) const { return entry(col) + (matrix.val.empty() ? 0 : value(col)); }

    static double to_double(uint16_t half) { return static_cast<double>(densq_f16_to_f32(half)); }
};

// A matrix of one row, all of it sparse or nothing.
Encoded encode(const std::vector<float> &weights, const std::vector<double> &centroids, bool sparse,
               uint32_t bits = 2) {
    const auto cols = static_cast<uint32_t>(weights.size());
    QuantizedMatrix matrix = make_sections(1, cols, bits);
    for (uint32_t c = 0; sparse && c < cols; ++c) matrix.col.push_back(c);
    matrix.val.resize(matrix.col.size());
    matrix.row_ptr[1] = static_cast<uint32_t>(matrix.col.size());
    const RowError error = RowEncoder(&matrix).encode(0, weights.data(), centroids);
    return {matrix, error};
}

const std::vector<double> &finite_halves() {
    static const std::vector<double> halves = [] {
        std::vector<double> found;
        for (uint32_t half = 0; half < 0x10000; ++half)
            if ((half & 0x7C00u) != 0x7C00u)
                found.push_back(Encoded::to_double(static_cast<uint16_t>(half)));
        return found;
    }();
    return halves;
}

// Of decoded weights, which are exact in double.
long double error_of(double decoded, float weight) {
    return std::abs(static_cast<long double>(decoded) - static_cast<long double>(weight));
}

// Of all codes and all sparse values.
long double least_error(const Encoded &row, float weight) {
    long double least = INFINITY;
    for (const uint16_t half : row.matrix.lut)
        for (const double value : finite_halves())
            least = std::min(least, error_of(Encoded::to_double(half) + value, weight));
    return least;
}

void check_sparse(const std::vector<float> &weights, const std::vector<double> &centroids) {
    const Encoded row = encode(weights, centroids, true);
    for (uint32_t c = 0; c < weights.size(); ++c) {
        CAPTURE(weights[c]);
        CHECK(std::isfinite(row.value(c)));
        CHECK(error_of(row.decode(c), weights[c]) == least_error(row, weights[c]));
    }
}

}  // namespace

TEST_CASE("encoder: the nearest entry where the middle of two is no float") {
    const double tiny = std::ldexp(1.0, -24);
    CHECK(encode({1}, {-tiny, 2}, false).entry(0) == 2);
    CHECK(encode({1}, {tiny, 2}, false).entry(0) == tiny);
    CHECK(encode({-1}, {-2, tiny}, false).entry(0) == -2);
    CHECK(encode({-1}, {-2, -tiny}, false).entry(0) == -tiny);
    CHECK(encode({1}, {0, 2}, false).entry(0) == 0);  // equally near: the lower one
}

TEST_CASE("encoder: a sparse value out of reach is as near as fp16 can be") {
    std::vector<float> weights(64, -40000.0f);
    weights[9] = 40000;
    const Encoded row = encode(weights, {-40000}, true, 4);
    CHECK(row.value(9) == 65504);
    CHECK(row.decode(9) == 25504);
    CHECK(row.decode(8) == -40000);
    check_sparse({65504, -65504, 65504, 0, 1}, {-65504});
    check_sparse({65504, -65504, 33000, -33000}, {-65504, -32768, 1, 65504});
}

TEST_CASE("encoder: sparse values are the best of all on extreme rows") {
    std::mt19937 random(1);
    const float extremes[] = {65504,    65503.99f, 65472,       40000,   1,
                              0.5f,     0.1f,      6.1e-5f,     6e-5f,   5.96046448e-8f,
                              2.98e-8f, 1e-8f,     1e-38f,      1e-45f,  0,
                              2048.5f,  4097.5f,   16.0000019f, 65488.0f};
    const auto pick = [&] {
        const float value = extremes[random() % std::size(extremes)];
        const float scale = random() % 2 ? 1.0f : 1.0f - 0.001f * static_cast<float>(random() % 99);
        return (random() % 2 ? 1.0f : -1.0f) * scale * value;
    };
    for (int trial = 0; trial < 30; ++trial) {
        CAPTURE(trial);
        std::vector<double> centroids;
        for (int k = 0; k < 4; ++k) centroids.push_back(static_cast<double>(pick()));
        std::sort(centroids.begin(), centroids.end());
        if (trial % 5 == 0) centroids.resize(1);
        std::vector<float> weights;
        for (int i = 0; i < 10; ++i) weights.push_back(pick());
        check_sparse(weights, centroids);
    }
}

TEST_CASE("encoder: the error of a row, and what fp16 has of it") {
    // 3 and 4 are decoded as 3.5, which costs nothing of fp16: 2 * 0.5^2 of 25.
    RowError error = encode({3, 4}, {3.5}, false).error;
    CHECK(error.all == doctest::Approx(std::sqrt(0.5 / 25)));
    CHECK(error.by_fp16 == 0);
    error = encode({1e-8f, 1e-8f, -1e-8f}, {-1e-8, 1e-8}, false).error;  // vanish
    CHECK(error.all == 1);
    CHECK(error.by_fp16 == doctest::Approx(1));
    error = encode({0, 0}, {0}, false).error;
    CHECK(error.all == 0);
    CHECK(error.by_fp16 == 0);
    error = encode({-40000, 40000}, {-40000}, true).error;  // 25504 for 40000
    CHECK(error.all == doctest::Approx(14496 / std::hypot(40000.0, 40000.0)));
    CHECK(error.by_fp16 == error.all);
    error = encode({0.3f, -0.7f, 1e-4f}, {-0.7, 1e-4, 0.3}, false).error;
    CHECK(error.by_fp16 < std::ldexp(1.0, -11));
    CHECK(error.by_fp16 > 0);
}
