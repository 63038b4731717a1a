// SPDX-License-Identifier: MIT
// test_kernels.cpp - every backend and precision against a double-precision reference.
#include <doctest/doctest.h>

#include <cstring>

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

// Of all outputs of a batch.
std::vector<Expected> expect_all(const RandomMatrix &m, const std::vector<float> &x,
                                 uint32_t batch) {
    std::vector<Expected> all;
    for (uint32_t b = 0; b < batch; ++b)
        for (uint32_t row = 0; row < m.rows; ++row)
            all.push_back(expect(m, row, x.data() + static_cast<size_t>(b) * m.cols));
    return all;
}

// Number of outputs beyond their error bound.
int count_wrong(const RandomMatrix &m, densq_precision precision,
                const std::vector<Expected> &expected, const std::vector<float> &y) {
    int wrong = 0;
    for (size_t i = 0; i < y.size(); ++i)
        wrong += !(std::abs(y[i] - expected[i].y) <= error_bound(m, expected[i], precision));
    return wrong;
}

// A way of reading other than this CPU's own.
Reading random_reading(Random &random) {
    return {1 + below(random, kMostTiles), below(random, 2) * 8192};
}

void check_shape(uint32_t rows, uint32_t cols, uint32_t bits, Sparsity sparsity, uint32_t batch,
                 Random &random) {
    const RandomMatrix m = make_matrix(rows, cols, bits, sparsity, random);
    const std::vector<float> x = make_activations(static_cast<size_t>(cols) * batch, random);
    const std::vector<Expected> expected = expect_all(m, x, batch);
    const Side side = below(random, 2) ? Side::kBegin : Side::kEnd;
    GuardedMultiply guarded(m, side);
    for (const KernelTable *table : usable_tables()) {
        for (const densq_precision precision : kPrecisions) {
            CpuBackend backend = make_backend(table, precision);
            backend.reading = random_reading(random);
            CAPTURE(table->name);
            CAPTURE(precision);
            CAPTURE(rows);
            CAPTURE(cols);
            CAPTURE(bits);
            CAPTURE(static_cast<int>(sparsity));
            CAPTURE(batch);
            CAPTURE(backend.reading.tiles);
            const std::vector<float> y = guarded.run(backend, x, batch);
            REQUIRE(count_wrong(m, precision, expected, y) == 0);
        }
    }
}

constexpr Sparsity kSparsities[] = {Sparsity::kNone, Sparsity::kSome, Sparsity::kOneRow,
                                    Sparsity::kOneColumn};

}  // namespace

TEST_CASE("all residues of small shapes") {
    Random random(1);
    for (uint32_t cols = 1; cols <= 100; ++cols)
        for (uint32_t rows = 1; rows <= 18; ++rows)
            for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
                check_shape(rows, cols, bits, kSparsities[(rows + cols + bits) % 4],
                            1 + (rows * 5 + cols) % 9, random);
}

TEST_CASE("all tails around blocks of 512 columns") {
    Random random(2);
    for (uint32_t cols = 420; cols <= 1100; cols += 1 + below(random, 7))
        for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
            check_shape(1 + below(random, 40), cols, bits, kSparsities[cols % 4], 1 + cols % 3,
                        random);
}

TEST_CASE("batches 1 to 33 in every sparsity") {
    Random random(3);
    for (uint32_t batch = 1; batch <= 33; ++batch)
        for (const Sparsity sparsity : kSparsities)
            for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
                check_shape(19, 577, bits, sparsity, batch, random);
}

TEST_CASE("32-bit columns, and rows heavy enough to be cut into segments") {
    Random random(4);
    for (const uint32_t cols : {1024u, 1025u, 2048u, 4100u, 65536u, 65537u, 70000u})
        for (const Sparsity sparsity : {Sparsity::kSome, Sparsity::kOneRow})
            check_shape(3, cols, 3, sparsity, 3, random);
}

TEST_CASE("a result does not depend on the other vectors of its batch") {
    Random random(5);
    const RandomMatrix m = make_matrix(37, 1101, 3, Sparsity::kSome, random);
    const std::vector<float> x = make_activations(m.cols * 15, random);
    for (const KernelTable *table : usable_tables()) {
        for (const densq_precision precision : kPrecisions) {
            CAPTURE(table->name);
            const CpuBackend backend = make_backend(table, precision);
            const std::vector<float> together = bind_and_multiply(backend, m.view(), x, 15);
            for (uint32_t b = 0; b < 15; ++b) {
                const std::vector<float> one(x.begin() + b * m.cols, x.begin() + (b + 1) * m.cols);
                const std::vector<float> alone = bind_and_multiply(backend, m.view(), one, 1);
                REQUIRE(std::memcmp(alone.data(), together.data() + b * m.rows,
                                    m.rows * sizeof(float)) == 0);
            }
        }
    }
}

TEST_CASE("strides leave what lies between untouched") {
    Random random(6);
    const RandomMatrix m = make_matrix(21, 90, 4, Sparsity::kSome, random);
    const size_t x_stride = 93, y_stride = 30;
    const uint32_t batch = 5;
    const std::vector<float> x = make_activations(x_stride * batch, random);
    for (const KernelTable *table : usable_tables()) {
        const CpuBackend backend = make_backend(table, DENSQ_EXACT);
        CpuWeights *weights = bind(&backend, m.view());
        std::vector<float> y(y_stride * batch, -7.0f);
        std::vector<uint8_t> workspace(workspace_size(weights, batch));
        matmul(weights, {batch, x.data(), x_stride, y.data(), y_stride, workspace.data()});
        for (uint32_t b = 0; b < batch; ++b) {
            for (uint32_t i = m.rows; i < y_stride; ++i) CHECK(y[b * y_stride + i] == -7.0f);
            const Expected e = expect(m, 20, x.data() + b * x_stride);
            CHECK(std::abs(y[b * y_stride + 20] - e.y) <= error_bound(m, e, DENSQ_EXACT));
        }
        unbind(weights);
    }
}

TEST_CASE("one activation that is not finite spoils every output of its vector, and no other") {
    Random random(7);
    const RandomMatrix m = make_matrix(18, 530, 2, Sparsity::kSome, random);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> x = make_activations(m.cols * 2, random);
        x[m.cols + 5] = bad;
        for (const KernelTable *table : usable_tables()) {
            for (const densq_precision precision : kPrecisions) {
                const std::vector<float> y =
                    bind_and_multiply(make_backend(table, precision), m.view(), x, 2);
                for (uint32_t row = 0; row < m.rows; ++row) {
                    CHECK(std::isfinite(y[row]));
                    CHECK_FALSE(std::isfinite(y[m.rows + row]));
                }
            }
        }
    }
}
