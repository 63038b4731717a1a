// SPDX-License-Identifier: MIT
// test_fast_bound.cpp - the fast precision's proven error bound on input made to break it.
#include <doctest/doctest.h>

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

// Largest error over its bound, all outputs of all backends; must not exceed 1.
double worst_over_bound(const RandomMatrix &m, const std::vector<float> &x) {
    double worst = 0;
    for (const KernelTable *table : usable_tables()) {
        for (const densq_precision precision : kPrecisions) {
            const std::vector<float> y =
                bind_and_multiply(make_backend(table, precision), m.view(), x, 1);
            for (uint32_t row = 0; row < m.rows; ++row) {
                const Expected e = expect(m, row, x.data());
                const double bound = error_bound(m, e, precision);
                REQUIRE(std::isfinite(y[row]));
                worst = std::max(worst, std::abs(y[row] - e.y) / std::max(bound, 1e-300));
            }
        }
    }
    return worst;
}

RandomMatrix matrix_for(uint32_t bits, Random &random) {
    return make_matrix(33, 2048 + 96, bits, Sparsity::kSome, random);
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
    for (uint32_t row = 0; row < m.rows; ++row) {
        const densq_code_place place = densq_place_code(m.rows, m.cols, 4, row, 77);
        const densq_field_place field = densq_place_field(4, place.field);
        uint8_t *group = m.codes.data() + place.group;
        uint8_t *slot = group + DENSQ_LINE_BYTES * field.low_line + 2 * place.slot;
        const uint32_t cleared =
            densq_get_slot(group, field.low_line, place.slot) & ~(15u << field.low_shift);
        slot[0] = static_cast<uint8_t>(cleared);
        slot[1] = static_cast<uint8_t>(cleared >> 8);
    }
    for (uint32_t row = 0; row < m.rows; ++row)
        for (uint32_t col = 0; col < m.cols; ++col) {
            const densq_code_place place = densq_place_code(m.rows, m.cols, 4, row, col);
            const uint32_t code =
                densq_get_code(m.codes.data() + place.group, 4, place.field, place.slot);
            m.dense[m.at(row, col)] = densq_f16_to_f32(m.lut[(row << 4) + code]);
        }
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
