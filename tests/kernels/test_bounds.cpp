// SPDX-License-Identifier: MIT
// test_bounds.cpp - the proven error bounds of the precisions, on input made to break them and on
// input that a search finds.
#include <doctest/doctest.h>

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

double over_bound(const RandomMatrix &m, const Expected &e, densq_precision precision, float y) {
    REQUIRE(std::isfinite(y));
    return std::abs(static_cast<double>(y) - e.y) / std::max(error_bound(m, e, precision), 1e-300);
}

// Largest error over its bound, all outputs of all backends; must not exceed 1.
double worst_over_bound(const RandomMatrix &m, const std::vector<float> &x) {
    std::vector<Expected> expected;
    for (uint32_t row = 0; row < m.rows; ++row) expected.push_back(expect(m, row, x.data()));
    double worst = 0;
    for (const KernelTable *table : usable_tables())
        for (const densq_precision precision : kPrecisions) {
            const std::vector<float> y =
                bind_and_multiply(make_backend(table, precision), m.view(), x, 1);
            for (uint32_t row = 0; row < m.rows; ++row)
                worst = std::max(worst, over_bound(m, expected[row], precision, y[row]));
        }
    return worst;
}

RandomMatrix matrix_for(uint32_t bits, Random &random) {
    return make_matrix(33, 2048 + 96, bits, Sparsity::kSome, random);
}

// A matrix of one row and a vector, which a search changes to make the error larger.
struct Candidate {
    RandomMatrix m;
    std::vector<float> x;
};

// One to four changes: an entry of the LUT, a code, or an activation; each moved a little, or set
// to an extreme.
void mutate(Candidate *candidate, Random &random) {
    RandomMatrix &m = candidate->m;
    for (uint32_t changes = 1 + below(random, 4); changes > 0; --changes) {
        const uint32_t col = below(random, m.cols), code = below(random, 1u << m.bits);
        float &x = candidate->x[col];
        switch (below(random, 6)) {
        case 0: m.lut[code] = random_half(random, 0.05f); break;
        case 1: m.lut[code] = static_cast<uint16_t>(m.lut[code] ^ (1u << below(random, 4))); break;
        case 2: set_code(&m, 0, col, code); break;
        case 3: x = -x; break;
        case 4: x *= 1 + (static_cast<float>(below(random, 2001)) - 1000) * 0x1p-14f; break;
        case 5: x = candidate->x[below(random, m.cols)]; break;
        }
    }
    set_dense(&m);
}

// Climbs to ever larger errors over the bound; returns the largest.
double climb(const KernelTable *table, densq_precision precision, uint32_t bits, uint32_t cols,
             uint32_t steps) {
    Random random(bits + cols);
    const CpuBackend backend = make_backend(table, precision);
    Candidate best = {make_matrix(1, cols, bits, Sparsity::kNone, random),
                      make_activations(cols, random)};
    double height = 0;
    for (uint32_t step = 0; step < steps; ++step) {
        Candidate next = best;
        mutate(&next, random);
        const Expected e = expect(next.m, 0, next.x.data());
        const float y = bind_and_multiply(backend, next.m.view(), next.x, 1)[0];
        const double reached = over_bound(next.m, e, precision, y);
        if (reached <= height) continue;
        height = reached;
        best = std::move(next);
    }
    return height;
}

}  // namespace

TEST_CASE("the largest integers everywhere: no lane overflows") {
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
        for (const float sign : {1.0f, -1.0f}) {
            Random random(1);
            RandomMatrix m = matrix_for(bits, random);
            // every centroid the same, every activation the same
            for (uint16_t &entry : m.lut) entry = densq_f32_to_f16(sign * 0.75f);
            for (double &weight : m.dense) weight = sign * 0.75;
            CHECK(worst_over_bound(m, std::vector<float>(m.cols, 3.0f)) <= 1);
            CHECK(worst_over_bound(m, std::vector<float>(m.cols, -3.0f)) <= 1);
        }
    }
}

TEST_CASE("outlier activations, a thousand times the rest") {
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
        Random random(bits);
        const RandomMatrix m = matrix_for(bits, random);
        std::vector<float> x = make_activations(m.cols, random);
        for (size_t i = 0; i < x.size(); i += 300) x[i] *= 1000;
        CHECK(worst_over_bound(m, x) <= 1);
    }
}

TEST_CASE("an outlier activation that meets weights near zero") {
    Random random(8);
    RandomMatrix m = make_matrix(16, 512, 4, Sparsity::kNone, random);
    for (uint32_t row = 0; row < m.rows; ++row) m.lut[row << 4] = densq_f32_to_f16(1e-6f);
    for (uint32_t row = 0; row < m.rows; ++row) set_code(&m, row, 77, 0);
    set_dense(&m);
    std::vector<float> x = make_activations(m.cols, random);
    x[77] = 30000;
    CHECK(worst_over_bound(m, x) <= 1);
}

TEST_CASE("large cancellation") {
    Random random(9);
    const RandomMatrix m = matrix_for(3, random);
    std::vector<float> x(m.cols);
    for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2 ? 1000.0f : -1000.0f;
    CHECK(worst_over_bound(m, x) <= 1);
}

TEST_CASE("denormal, tiny and huge activations; zero rows and zero activations") {
    Random random(10);
    RandomMatrix m = matrix_for(4, random);
    for (uint32_t k = 0; k < 16; ++k) m.lut[k] = 0;
    for (uint32_t col = 0; col < m.cols; ++col) m.dense[col] = 0;
    for (const float scale : {0.0f, 1e-45f, 1e-40f, 1e-38f, 1e-30f, 1e-10f, 1e10f, 1e30f, 1e34f}) {
        CAPTURE(scale);
        std::vector<float> x = make_activations(m.cols, random);
        for (float &value : x) value *= scale;
        CHECK(worst_over_bound(m, x) <= 1);
    }
}

TEST_CASE("sums of four million terms of one sign: roundings of F32 outweigh those to integers") {
    Random random(11);
    const uint32_t cols = 1u << 22;
    RandomMatrix m = make_matrix(1, cols, 2, Sparsity::kNone, random);
    for (const bool same : {true, false}) {
        for (uint32_t k = 0; k < 4; ++k)
            m.lut[k] = densq_f32_to_f16(same ? 0.7f : 0.1f * static_cast<float>(k + 1));
        set_dense(&m);
        std::vector<float> x(cols, 0.3f);
        for (float &value : x)
            if (!same) value *= 1 + static_cast<float>(below(random, 1000)) * 0x1p-10f;
        CHECK(worst_over_bound(m, x) <= 1);
    }
}

TEST_CASE("a search for input that breaks the bounds") {
    for (const KernelTable *table : usable_tables())
        for (const densq_precision precision : kPrecisions)
            for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
                for (const uint32_t cols : {1u, 40u, 300u}) {
                    CAPTURE(table->name);
                    CAPTURE(precision);
                    CAPTURE(bits);
                    CAPTURE(cols);
                    const double height = climb(table, precision, bits, cols, 800);
                    CHECK(height <= 1);
                    // The search is of use, and these bounds are not much too wide.
                    if (precision != DENSQ_EXACT && cols == 1) CHECK(height > 0.5);
                }
}
