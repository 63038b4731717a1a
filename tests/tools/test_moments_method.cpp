// SPDX-License-Identifier: MIT
// Quantization by second moments: against the paper's, against all ways to code a short row, and
// what must not depend on threads or on other rows.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/tools/made_up_moments.hpp"
#include "tools/densq/quantize/chunk_fit.hpp"
#include "tools/densq/quantize/row_objective.hpp"

using namespace made_up;

namespace {

Options with_method(const char *method, uint32_t bits, double outliers = 0.01,
                    uint32_t threads = 2) {
    return {bits, outliers, 0, threads, method};
}

// The least objective of a row over all codes, with the best table for each, in doubles.
double least_objective(const std::vector<float> &weights, const Moments &moments, uint32_t bits) {
    const uint32_t cols = moments.cols, entries = 1u << bits;
    double least = INFINITY;
    std::vector<uint32_t> codes(cols);
    const auto ways = static_cast<uint64_t>(std::pow(entries, cols));
    for (uint64_t way = 0; way < ways; ++way) {
        uint64_t rest = way;
        for (uint32_t &code : codes) {
            code = static_cast<uint32_t>(rest % entries);
            rest /= entries;
        }
        // Coordinate descent on the entries, which converges as there are few.
        std::vector<double> table(entries), error(cols);
        for (int round = 0; round < 40; ++round)
            for (uint32_t k = 0; k < entries; ++k) {
                double slope = 0, curve = 0;
                for (uint32_t c = 0; c < cols; ++c)
                    error[c] = table[codes[c]] - static_cast<double>(weights[c]);
                for (uint32_t i = 0; i < cols; ++i)
                    for (uint32_t j = 0; j < cols && codes[i] == k; ++j) {
                        const auto h = static_cast<double>(moments.values[i * cols + j]);
                        slope += h * error[j];
                        curve += codes[j] == k ? h : 0;
                    }
                if (curve > 0) table[k] -= slope / curve;
            }
        for (uint32_t c = 0; c < cols; ++c)
            error[c] = table[codes[c]] - static_cast<double>(weights[c]);
        least = std::min(least, moments.measure(error));
    }
    return least;
}

float moment_at(const RowObjective &objective, uint32_t p, uint32_t q) {
    constexpr uint32_t kBlock = RowObjective::kBlock;
    return objective.moment(p / kBlock)[q * kBlock + p % kBlock];
}

}  // namespace

TEST_CASE("the objective's factor is the inverse of a Cholesky factor of the damped moments") {
    const Moments moments = make_moments(70, 1);
    const RowObjective objective(70, moments.reader());
    const uint32_t n = objective.cols();
    const auto at = [&](uint32_t p, uint32_t q) {
        return static_cast<double>(moment_at(objective, p, q));
    };
    const auto inverse = [&](uint32_t p, uint32_t q) {
        constexpr uint32_t kBlock = RowObjective::kBlock;
        const float *block = objective.inverse_factor(p / kBlock);
        return static_cast<double>(block[q * kBlock + p % kBlock]);
    };
    const auto scale = static_cast<double>(objective.scale());
    double worst = 0, trace = 0;
    for (uint32_t p = 0; p < n; ++p) {
        const size_t column = objective.column(p);
        trace += scale * static_cast<double>(moments.values[column * n + column]);
        if (p > 0) CHECK(at(p - 1, p - 1) <= at(p, p));
        for (uint32_t q = 0; q < n; ++q) {
            double product = 0;  // of the factor, the moments and the factor transposed
            for (uint32_t i = 0; i <= p; ++i)
                for (uint32_t j = 0; j <= q; ++j)
                    product += inverse(p, i) * at(i, j) * inverse(q, j);
            worst = std::max(worst, std::abs(product - (p == q)));
            if (p != q)
                CHECK(moment_at(objective, p, q) ==
                      objective.scale() * moments.values[column * n + objective.column(q)]);
        }
    }
    CHECK(worst < 1e-4);
    const size_t column = objective.column(0);
    const auto added = at(0, 0) - scale * static_cast<double>(moments.values[column * n + column]);
    CHECK(trace / n >= 1);
    CHECK(trace / n < 2);
    CHECK(added == doctest::Approx(0.01 * trace / n).epsilon(1e-3));
}

TEST_CASE("moments may have any scale") {
    const Weights w = make_weights(20, 70, 2);
    Moments moments = make_moments(70, 3);
    const QuantizedMatrix q = quantize(w, with_method(kMomentsMethod, 3), moments);
    for (const float scale : {1e-30f, 1e30f}) {
        Moments scaled = moments;
        for (float &value : scaled.values) value *= std::exp2f(std::floor(std::log2f(scale)));
        check_same(q, quantize(w, with_method(kMomentsMethod, 3), scaled));
    }
}

TEST_CASE("what is no second moment is refused") {
    Moments moments = equal_moments(4);
    moments.values[1] = moments.values[4] = 1000;
    CHECK_THROWS_AS(RowObjective(4, moments.reader()), NoSecondMoments);
}

TEST_CASE("outputs change much less than by the paper's method") {
    for (const uint32_t bits : {2u, 3u, 4u}) {
        CAPTURE(bits);
        Weights w = make_weights(80, 192, bits);
        const Moments moments = make_moments(192, 7);
        for (const double outliers : {0.0, 0.01}) {
            CAPTURE(outliers);
            const auto by = [&](const char *method) {
                return measure(w, quantize(w, with_method(method, bits, outliers), moments),
                               moments);
            };
            w.gradients.clear();
            CHECK(by(kMomentsMethod) < 0.5 * by(kFisherMethod));
        }
    }
}

TEST_CASE("a short row is coded nearly as well as by the best of all ways") {
    const uint32_t cols = 6, bits = 2;
    double found = 0, best = 0, by_fisher = 0;
    for (unsigned seed = 0; seed < 12; ++seed) {
        Weights w = make_weights(1, cols, seed);
        w.gradients.clear();
        const Moments moments = make_moments(cols, seed);
        const QuantizedMatrix q = quantize(w, with_method(kMomentsMethod, bits, 0), moments);
        found += measure(w, q, moments);
        by_fisher += measure(w, quantize(w, with_method(kFisherMethod, bits, 0), moments), moments);
        best += least_objective(w.values, moments, bits);
    }
    CHECK(found >= best * 0.99);
    CHECK(found < best * 3);
    CHECK(found < by_fisher / 3);
}

TEST_CASE("inputs that are independent and equal leave the k-means as it is") {
    Weights w = make_weights(33, 150, 3);
    w.gradients.clear();
    const Moments moments = equal_moments(150);
    const double by_moments =
        measure(w, quantize(w, with_method(kMomentsMethod, 3, 0), moments), moments);
    const double by_fisher =
        measure(w, quantize(w, with_method(kFisherMethod, 3, 0), moments), moments);
    CHECK(by_moments == doctest::Approx(by_fisher).epsilon(1e-3));
}

TEST_CASE("tables are the best for their codes") {
    Weights w = make_weights(5, 96, 4);
    const Moments moments = make_moments(96, 5);
    const RowObjective objective(96, moments.reader());
    ChunkFit fit(objective, 3);
    const std::vector<uint8_t> sparse(96);
    const std::vector<double> start = {-0.04, -0.03, -0.02, -0.01, 0.01, 0.02, 0.03, 0.04};
    for (uint32_t r = 0; r < w.rows; ++r)
        fit.set_row(r, &w.values[size_t{r} * 96], sparse.data(), start);
    fit.fit();
    std::vector<uint8_t> codes(96);
    std::vector<float> fitted(96);
    for (uint32_t r = 0; r < w.rows; ++r) {
        fit.get_row(r, codes.data(), fitted.data());
        const std::vector<double> centroids = fit.centroids(r);
        CHECK(std::is_sorted(centroids.begin(), centroids.end()));
        // The objective, damped as it is, by the columns' places.
        const auto objective_of = [&](const std::vector<double> &table) {
            double sum = 0;
            for (uint32_t p = 0; p < 96; ++p)
                for (uint32_t q = 0; q < 96; ++q) {
                    const uint32_t i = objective.column(p), j = objective.column(q);
                    const auto error = [&](uint32_t c) {
                        return table[codes[c]] - static_cast<double>(w.values[r * 96 + c]);
                    };
                    sum += error(i) * static_cast<double>(moment_at(objective, p, q)) * error(j);
                }
            return sum;
        };
        const double least = objective_of(centroids);
        for (uint32_t k = 0; k < centroids.size(); ++k)
            for (const double step : {-1e-3, 1e-3}) {
                std::vector<double> moved = centroids;
                moved[k] += step;
                CHECK(objective_of(moved) >= least * (1 - 1e-6));
            }
    }
}

TEST_CASE("any number of threads gives the same bytes") {
    const Weights w = make_weights(150, 130, 8);
    const Moments moments = make_moments(130, 9);
    const QuantizedMatrix one = quantize(w, with_method(kMomentsMethod, 2, 0.02, 1), moments);
    for (const uint32_t threads : {2u, 3u, 16u})
        check_same(one, quantize(w, with_method(kMomentsMethod, 2, 0.02, threads), moments));
}

TEST_CASE("small and odd matrices") {
    for (const auto &shape : {std::pair(1u, 1u), {1u, 2u}, {65u, 3u}, {2u, 129u}}) {
        const uint32_t rows = shape.first, cols = shape.second;
        CAPTURE(rows);
        CAPTURE(cols);
        const Weights w = make_weights(rows, cols, rows);
        const Moments moments = make_moments(cols, cols);
        for (const double outliers : {0.0, 0.5, 1.0}) {
            const QuantizedMatrix q =
                quantize(w, with_method(kMomentsMethod, 2, outliers), moments);
            CHECK(std::isfinite(measure(w, q, moments)));
            QuantizedMatrix nothing = q;  // what is left out of weights that are all sparse
            std::fill(nothing.val.begin(), nothing.val.end(), uint16_t{0});
            std::fill(nothing.lut.begin(), nothing.lut.end(), uint16_t{0});
            if (outliers == 1.0)
                CHECK(measure(w, q, moments) < 1e-5 * measure(w, nothing, moments));
        }
    }
    SUBCASE("an input that is always zero") {
        Moments moments = make_moments(40, 1);
        for (uint32_t i = 0; i < 40; ++i)
            moments.values[7 * 40 + i] = moments.values[i * 40 + 7] = 0;
        const Weights w = make_weights(20, 40, 1);
        const QuantizedMatrix q = quantize(w, with_method(kMomentsMethod, 3), moments);
        CHECK(std::isfinite(measure(w, q, moments)));
    }
}
