// SPDX-License-Identifier: MIT
// Quantization of a matrix against a reference that sorts all weights and tries all codes.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>

#include "densq/half.h"
#include "densq/layout.h"
#include "tools/densq/quantize/gradient_floor.hpp"
#include "tools/densq/quantize/kmeans.hpp"
#include "tools/densq/quantize/quantize_matrix.hpp"
#include "tools/densq/quantize/sparse_choice.hpp"
#include "tests/tools/made_up_moments.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/widths.hpp"

using namespace made_up;

namespace {

// Indices of all weights, largest score first, equal ones in order.
std::vector<size_t> ranked(const std::vector<float> &scores) {
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    return order;
}

std::vector<bool> expected_sparse(const Weights &w, const Options &options) {
    const auto weights = static_cast<double>(w.values.size());
    std::vector<bool> sparse(w.values.size());
    std::vector<float> magnitudes;
    for (const float value : w.values) magnitudes.push_back(std::abs(value));
    const auto count_of = [&](double fraction) {
        return static_cast<size_t>(std::round(fraction * weights));
    };
    size_t left = count_of(options.sensitive);
    for (const size_t i : ranked(w.gradients)) {
        if (left == 0 || w.gradients[i] == 0) break;
        sparse[i] = true;
        --left;
    }
    left += count_of(options.outliers);
    for (const size_t i : ranked(magnitudes)) {
        if (left == 0) break;
        if (sparse[i]) continue;
        sparse[i] = true;
        --left;
    }
    return sparse;
}

std::vector<uint16_t> expected_lut(const Weights &w, const std::vector<bool> &sparse, size_t begin,
                                   uint32_t bits) {
    std::vector<float> values, gradients, lifted;
    if (!w.gradients.empty()) {
        lifted.assign(&w.gradients[begin], &w.gradients[begin] + w.cols);
        lift_gradients(&lifted);
    }
    for (size_t i = begin; i < begin + w.cols; ++i) {
        if (sparse[i]) continue;
        values.push_back(w.values[i]);
        gradients.push_back(w.gradients.empty() ? 1.0f : lifted[i - begin]);
    }
    if (values.empty()) {
        values.assign(&w.values[begin], &w.values[begin] + w.cols);
        gradients.assign(w.cols, 1.0f);
    }
    KMeans kmeans(1u << bits);
    std::vector<uint16_t> lut;
    for (const double centroid : kmeans.fit(values.data(), gradients.data(), values.size()))
        lut.push_back(densq_f32_to_f16(static_cast<float>(centroid)));
    lut.resize(size_t{1} << bits, lut.back());
    return lut;
}

// From the centroids of what is not sparse; times the gradients.
std::vector<float> squared_errors(const Weights &w, const std::vector<bool> &sparse,
                                  uint32_t bits) {
    std::vector<float> errors, values, gradients;
    KMeans kmeans(1u << bits);
    for (size_t begin = 0; begin < w.values.size(); begin += w.cols) {
        values.clear();
        gradients.clear();
        for (size_t i = begin; i < begin + w.cols; ++i) {
            if (sparse[i]) continue;
            values.push_back(w.values[i]);
            gradients.push_back(w.gradients.empty() ? 1 : w.gradients[i]);
        }
        const std::vector<double> &centroids =
            kmeans.fit(values.data(), gradients.data(), values.size());
        for (size_t i = begin; i < begin + w.cols; ++i) {
            double least = INFINITY;
            for (const double centroid : centroids)
                least = std::min(least, std::abs(static_cast<double>(w.values[i]) - centroid));
            const double weight = w.gradients.empty() ? 1 : static_cast<double>(w.gradients[i]);
            errors.push_back(static_cast<float>(least * least * weight));
        }
    }
    return errors;
}

// All bits that stand for no code are zero: the codes alone, put again, give the same bytes.
void check_padding(const QuantizedMatrix &q) {
    REQUIRE(q.codes.size() == densq_codes_bytes(q.rows, q.cols, q.bits));
    std::vector<uint8_t> again(q.codes.size());
    for (uint32_t r = 0; r < q.rows; ++r)
        for (uint32_t c = 0; c < q.cols; ++c) {
            const densq_code_place place = densq_place_code(q.rows, q.cols, q.bits, r, c);
            densq_put_code(again.data() + place.group, q.bits, place.field, place.slot,
                           code_at(q, r, c));
        }
    CHECK(q.codes == again);
}

// The nearest entry, of two equally near the lower.
double nearest(const uint16_t *lut, uint32_t entries, double weight) {
    double best = INFINITY;
    for (uint32_t k = 0; k < entries; ++k) {
        const double entry = to_double(lut[k]);
        const double distance = std::abs(entry - weight), least = std::abs(best - weight);
        if (distance < least || (distance == least && entry < best)) best = entry;
    }
    return best;
}

double sparse_error(double entry, uint16_t value, double weight) {
    return std::abs(entry + to_double(value) - weight);
}

// Sparse values beside the rounded difference decide where it was rounded twice; infinite ones do
// not count.
double least_sparse_error(const uint16_t *lut, uint32_t entries, float weight) {
    double least = INFINITY;
    for (uint32_t k = 0; k < entries; ++k) {
        const uint16_t rounded = densq_f32_to_f16(weight - densq_f16_to_f32(lut[k]));
        for (const int step : {-1, 0, 1}) {
            const auto value = static_cast<uint16_t>(rounded + step);
            const double error =
                sparse_error(to_double(lut[k]), value, static_cast<double>(weight));
            if (error < least) least = error;
        }
    }
    return least;
}

void check_quantized(const Weights &w, const Options &options) {
    CAPTURE(w.rows);
    CAPTURE(w.cols);
    CAPTURE(options.bits);
    const QuantizedMatrix q = quantize(w, options);
    const uint32_t entries = 1u << options.bits;
    const std::vector<bool> sparse = expected_sparse(w, options);
    REQUIRE(q.lut.size() == static_cast<size_t>(w.rows) * entries);
    REQUIRE(q.row_ptr.size() == w.rows + 1u);
    check_padding(q);
    size_t at = 0, wrong_codes = 0, wrong_values = 0;
    for (uint32_t r = 0; r < w.rows; ++r) {
        const size_t begin = static_cast<size_t>(r) * w.cols;
        const uint16_t *lut = &q.lut[static_cast<size_t>(r) * entries];
        CHECK(std::vector<uint16_t>(lut, lut + entries) ==
              expected_lut(w, sparse, begin, options.bits));
        CHECK(q.row_ptr[r] == at);
        for (uint32_t c = 0; c < w.cols; ++c) {
            const float weight = w.values[begin + c];
            const double entry = to_double(lut[code_at(q, r, c)]);
            if (!sparse[begin + c]) {
                wrong_codes += entry != nearest(lut, entries, static_cast<double>(weight));
                continue;
            }
            REQUIRE(at < q.col.size());
            REQUIRE(q.col[at] == c);
            const double error = sparse_error(entry, q.val[at++], static_cast<double>(weight));
            wrong_values += error != least_sparse_error(lut, entries, weight);
        }
    }
    CHECK(wrong_codes == 0);
    CHECK(wrong_values == 0);
    CHECK(q.row_ptr[w.rows] == at);
    CHECK(q.col.size() == at);
    CHECK(q.val.size() == at);
    CHECK(count_nonzeros(w.values.size(), options.recipe()) == at);
}

// Columns of the sparse part as positions in the whole matrix.
std::vector<size_t> sparse_positions(const QuantizedMatrix &q) {
    std::vector<size_t> positions;
    for (uint32_t r = 0; r < q.rows; ++r)
        for (uint32_t i = q.row_ptr[r]; i < q.row_ptr[r + 1]; ++i)
            positions.push_back(static_cast<size_t>(r) * q.cols + q.col[i]);
    return positions;
}

}  // namespace

TEST_CASE("matrix: shapes, bits and shares against the reference") {
    const std::pair<uint32_t, uint32_t> shapes[] = {{1, 1},    {1, 40},  {3, 31},   {16, 32},
                                                    {17, 512}, {33, 96}, {16, 545}, {5, 1100}};
    for (const auto &[rows, cols] : shapes)
        for (const uint32_t bits : all_widths()) {
            Weights w = make_weights(rows, cols, rows * cols + bits);
            check_quantized(w, {bits, 0.0040, 0.0005, 1});
            check_quantized(w, {bits, 0.07, 0.05, 1});
            check_quantized(w, {bits, 0, 0.01, 1});
            check_quantized(w, {bits, 0, 0, 1});
            for (float &value : w.values) value = densq_f16_to_f32(densq_f32_to_f16(value));
            w.gradients.clear();
            check_quantized(w, {bits, 0.0045, 0, 1});
        }
}

TEST_CASE("matrix: the number of nonzeros") {
    const auto count = [](uint64_t weights, double outliers, double sensitive) {
        return count_nonzeros(weights, {4, outliers, sensitive, ""});
    };
    CHECK(count(100, 0, 0) == 0);
    CHECK(count(1, 0.5, 0) == 1);
    CHECK(count(1, 0.49, 0) == 0);
    CHECK(count(6400, 0.0040, 0.0005) == 26 + 3);  // 25.6 and 3.2
    CHECK(count(25600, 0.0040, 0.0005) == 102 + 13);
    CHECK(count(4096ull * 11008, 0.0040, 0.0005) == 180355 + 22544);
    CHECK(count(100, 1, 0) == 100);
    CHECK(count(100, 0.7, 0.6) == 100);
    CHECK(count(uint64_t{1} << 48, 1, 1) == uint64_t{1} << 48);
}

TEST_CASE("matrix: every method makes sections of the planned sizes, the same on any threads") {
    const Weights w = make_weights(35, 700, 12);
    const Moments moments = make_moments(700, 12);
    for (const std::string &method : method_names())
        for (const uint32_t bits : all_widths()) {
            CAPTURE(method);
            const Options options = {bits, 0.0040, 0.0005, 1, method};
            const QuantizedMatrix q = quantize(w, options, moments);
            const auto nnz = static_cast<uint32_t>(count_nonzeros(35 * 700, options.recipe()));
            const densq_sections sections = densq_place_sections(35, 700, bits, nnz);
            CHECK(q.rows == 35);
            CHECK(q.cols == 700);
            CHECK(q.bits == bits);
            CHECK(q.lut.size() * sizeof q.lut[0] == sections.lut.bytes);
            CHECK(q.codes.size() == sections.codes.bytes);
            CHECK(q.row_ptr.size() * sizeof q.row_ptr[0] == sections.row_ptr.bytes);
            CHECK(q.col.size() == nnz);
            CHECK(q.val.size() * sizeof q.val[0] == sections.val.bytes);
            check_same(q, quantize(w, {bits, 0.0040, 0.0005, 3, method}, moments));
        }
}

TEST_CASE("matrix: a method that there is not") {
    const Weights w = make_weights(1, 1, 13);
    CHECK_THROWS_AS(quantize(w, {4, 0, 0, 1, "k"}), UsageError);
}

TEST_CASE("matrix: the sensitive first, then the largest of the others") {
    Weights w = {2, 4, {9, -8, 7, 1, 1, 2, -1, 6}, {0, 5, 0, 1, 0, 3, 0, 0}};
    // The sensitive are 1 and 5; the largest of the others 0 and 2, although |-8| is the second.
    CHECK(sparse_positions(quantize(w, {2, 0.25, 0.25, 1})) == std::vector<size_t>{0, 1, 2, 5});
    CHECK(sparse_positions(quantize(w, {2, 0.25, 0, 1})) == std::vector<size_t>{0, 1});
    CHECK(sparse_positions(quantize(w, {2, 0, 0.25, 1})) == std::vector<size_t>{1, 5});
    // 1, 3 and 5 alone are sensitive; what is missing are the largest of the others.
    CHECK(sparse_positions(quantize(w, {2, 0.125, 0.5, 3})) == std::vector<size_t>{0, 1, 2, 3, 5});
    CHECK(sparse_positions(quantize(w, {2, 0, 0.75, 1})) == std::vector<size_t>{0, 1, 2, 3, 5, 7});
    w.gradients.assign(8, 0.0f);
    CHECK(sparse_positions(quantize(w, {2, 0, 0.25, 2})) == std::vector<size_t>{0, 1});
}

TEST_CASE("matrix: among equals those that come first, on any number of threads") {
    for (const uint32_t threads : {1u, 2u, 3u, 9u}) {
        CAPTURE(threads);
        Weights w = {3, 5, std::vector<float>(15, -1.0f), std::vector<float>(15, 2.0f)};
        CHECK(sparse_positions(quantize(w, {2, 0.2, 0, threads})) == std::vector<size_t>{0, 1, 2});
        CHECK(sparse_positions(quantize(w, {2, 0.2, 0.2, threads})) ==
              std::vector<size_t>{0, 1, 2, 3, 4, 5});
        w.values[7] = 3;
        w.gradients[13] = 3;
        CHECK(sparse_positions(quantize(w, {2, 0.2, 0.2, threads})) ==
              std::vector<size_t>{0, 1, 2, 3, 7, 13});
    }
}

TEST_CASE("matrix: by error, the weights that codes hold worst") {
    for (const auto &shape : {std::pair(35u, 80u), {1u, 20u}, {3u, 300u}})
        for (const bool weighted : {true, false}) {
            CAPTURE(shape.first);
            CAPTURE(weighted);
            Weights w = make_weights(shape.first, shape.second, 16);
            if (!weighted) w.gradients.clear();
            const Options options = {2, 0.05, 0.02, 2, kFisherMethod, kSelectError};
            const QuantizedMatrix q = quantize(w, options);
            std::vector<bool> sparse = expected_sparse(w, options);
            const auto count = std::count(sparse.begin(), sparse.end(), true);
            std::vector<size_t> expected;
            for (int round = 0; round < 2; ++round) {
                expected = ranked(squared_errors(w, sparse, 2));
                expected.resize(static_cast<size_t>(count));
                sparse.assign(sparse.size(), false);
                for (const size_t i : expected) sparse[i] = true;
            }
            std::sort(expected.begin(), expected.end());
            CHECK(sparse_positions(q) == expected);
            for (const uint32_t threads : {1u, 3u, 7u})
                check_same(q, quantize(w, {2, 0.05, 0.02, threads, kFisherMethod, kSelectError}));
        }
}

TEST_CASE("matrix: what each method selects by") {
    const Weights w = make_weights(20, 90, 17);
    const Moments moments = make_moments(90, 17);
    for (const std::string &method : method_names()) {
        const auto by = [&](const std::string &select) {
            return sparse_positions(quantize(w, {3, 0.04, 0.01, 2, method, select}, moments));
        };
        CHECK(by(kSelectError) != by(kSelectMagnitude));
        CHECK(by("") == by(method == kFisherMethod ? kSelectMagnitude : kSelectError));
    }
}

TEST_CASE("matrix: gradients that are mostly zero") {
    Weights w = make_weights(8, 512, 15);
    for (float &gradient : w.gradients)
        if (gradient < 200) gradient = 0;
    check_quantized(w, {3, 0.0040, 0.0005, 1});
}

TEST_CASE("matrix: rows without gradients count all weights the same") {
    Weights w = make_weights(20, 64, 7);
    std::fill_n(w.gradients.begin() + 3 * 64, 64, 0.0f);
    check_quantized(w, {3, 0.0040, 0.0005, 1});
    const QuantizedMatrix weighted = quantize(w, {3, 0, 0, 1});
    w.gradients.clear();
    const QuantizedMatrix unweighted = quantize(w, {3, 0, 0, 1});
    const auto row = [](const QuantizedMatrix &q, ptrdiff_t r) {
        return std::vector<uint16_t>(q.lut.begin() + 8 * r, q.lut.begin() + 8 * (r + 1));
    };
    CHECK(row(weighted, 3) == row(unweighted, 3));
    CHECK(row(weighted, 4) != row(unweighted, 4));
}

TEST_CASE("matrix: rows that are sparse altogether") {
    Weights w = make_weights(4, 10, 8);
    for (size_t i = 20; i < 30; ++i) w.values[i] += 5;
    const QuantizedMatrix q = quantize(w, {2, 0.25, 0, 1});
    CHECK(q.row_ptr == std::vector<uint32_t>{0, 0, 0, 10, 10});
    check_quantized(w, {2, 0.25, 0, 1});
    check_quantized(w, {2, 1, 0, 1});
    check_quantized(w, {2, 0, 1, 1});
    check_quantized(w, {2, 0.6, 0.6, 1});
    check_quantized(w, {2, 1, 1, 1});  // nothing is left for the outliers
}

TEST_CASE("matrix: one weight, few distinct weights, the largest weights") {
    check_quantized({1, 1, {0}, {}}, {4, 0, 0, 1});
    check_quantized({1, 1, {-3.25f}, {1}}, {2, 1, 0, 1});
    check_quantized({2, 6, {1, 2, 1, 2, 3, 1, 5, 5, 5, 5, 5, 5}, {}}, {3, 0, 0, 1});
    const QuantizedMatrix q = quantize({1, 4, {2, 1, 2, 1}, {}}, {2, 0, 0, 1});
    CHECK(to_double(q.lut[0]) == 1);
    for (const size_t k : {1u, 2u, 3u}) CHECK(to_double(q.lut[k]) == 2);
    check_quantized({1, 6, {65504, -65504, 65503, 0, 1e-8f, -6e-8f}, {}}, {2, 0.17, 0, 1});
}

TEST_CASE("matrix: the same on any number of threads") {
    Weights w = make_weights(333, 160, 9);
    const Options one = {3, 0.0040, 0.0005, 1};
    Options several = one;
    for (const uint32_t threads : {2u, 3u, 8u, 100u}) {
        several.threads = threads;
        check_same(quantize(w, one), quantize(w, several));
    }
    // Ties leave several optimal clusterings; which one is found must not depend on the threads.
    std::mt19937 random(10);
    Weights tied = {1600, 20, {}, {}};
    for (size_t i = 0; i < 1600 * 20; ++i) tied.values.push_back(static_cast<float>(random() % 17));
    const QuantizedMatrix first = quantize(tied, {3, 0, 0, 1});
    for (int repeat = 0; repeat < 10; ++repeat) check_same(first, quantize(tied, {3, 0, 0, 3}));
}

TEST_CASE("matrix: done counts every row once, and what it throws comes through") {
    const Weights w = make_weights(100, 32, 11);
    for (const uint32_t threads : {1u, 4u}) {
        CAPTURE(threads);
        std::atomic<uint32_t> rows = 0;
        const auto run = [&](uint32_t limit) {
            rows = 0;
            quantize_with_notes(w, {2, 0, 0, threads}, [&](uint32_t more) {
                if ((rows += more) >= limit) throw std::range_error("enough");
            });
        };
        run(1000);
        CHECK(rows == 100);
        CHECK_THROWS_WITH_AS(run(40), "enough", std::range_error);
        CHECK(rows >= 40);
        CHECK_THROWS_AS(run(100), std::range_error);  // with the last row
        CHECK_THROWS_AS(run(1), std::range_error);
    }
}
