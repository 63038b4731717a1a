// SPDX-License-Identifier: MIT
// test_float_environment.cpp - the same bits whatever the caller's floating-point environment,
// which is as it was afterwards.
#include <algorithm>
#include <cstring>
#include <memory>

#include "densq/threads.h"
#include "lib/cpu/cpu_backend.hpp"
#include "tests/support/cpu_multiply.hpp"
#include "lib/cpu/registry.hpp"
#include "lib/file/file.hpp"
#include "tests/kernels/random_matrix.hpp"
#include "tests/support/float_control.hpp"

#include "tests/support/bound_weights.hpp"

using namespace densq;
using namespace densq::test;

namespace {

struct Sample {
    RandomMatrix matrix;
    std::vector<float> x, tiny_x;
    static constexpr uint32_t kBatch = 5;

    // One row has nonzeros in every column, more than a segment takes.
    explicit Sample(Sparsity sparsity) {
        Random random(7);
        matrix = make_matrix(35, 1300, 3, sparsity, random);
        // Added to a nonzero of the sparse part, the smallest half is rounded away.
        for (size_t i = 0; i < matrix.lut.size(); i += 3) matrix.lut[i] = 0x0001;
        x = make_activations(matrix.cols * kBatch, random);
        // All of these are subnormal, and so are their products.
        for (const float value : x) tiny_x.push_back(value * 0x1p-134f);
    }

    std::vector<float> read() const {
        std::vector<float> out(size_t{matrix.rows} * matrix.cols);
        read_rows(matrix.view(), 0, matrix.rows, out.data(), matrix.cols);
        return out;
    }
};

// Binds and multiplies twice.
std::vector<float> products(const Sample &sample, const CpuBackend &backend) {
    const Matrix matrix = sample.matrix.view();
    CpuWeights *weights = bind(&backend, matrix);
    const size_t count = size_t{matrix.rows} * Sample::kBatch;
    std::vector<float> y(2 * count);
    std::vector<uint8_t> workspace(workspace_size(weights, Sample::kBatch));
    matmul(weights,
           {Sample::kBatch, sample.x.data(), matrix.cols, y.data(), matrix.rows, workspace.data()});
    matmul(weights, {Sample::kBatch, sample.tiny_x.data(), matrix.cols, y.data() + count,
                     matrix.rows, workspace.data()});
    unbind(weights);
    return y;
}

bool same_bits(const std::vector<float> &a, const std::vector<float> &b) {
    return a.size() == b.size() && !std::memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

CpuBackend backend_of(const KernelTable *table, densq_precision precision, densq_threads *pool) {
    densq_backend_options options = backend_options(nullptr, precision);
    options.parallel = pool ? densq_threads_run : nullptr;
    options.parallel_user = pool;
    CpuBackend backend;
    require_ok(make_cpu_backend(&backend, table, options, default_allocator(), nullptr));
    return backend;
}

}  // namespace

TEST_CASE("rows read in any floating-point environment") {
    const Sample sample(Sparsity::kSome);
    const std::vector<float> expected = sample.read();
    for (const Environment &environment : kEnvironments) {
        CAPTURE(std::string(environment.name));
        std::vector<float> rows;
        CHECK(keeps(environment.control, [&] { rows = sample.read(); }));
        CHECK(same_bits(rows, expected));
    }
}

TEST_CASE("products in any floating-point environment, on one thread and on several") {
    for (const Sparsity sparsity : {Sparsity::kSome, Sparsity::kOneRow}) {
        const Sample sample(sparsity);
        for (uint32_t i = 0; const KernelTable *table = usable_table(i); ++i)
            for (const densq_precision precision : {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8}) {
                const CpuBackend serial = backend_of(table, precision, nullptr);
                const std::vector<float> expected = products(sample, serial);
                CHECK(std::any_of(expected.begin(), expected.end(),
                                  [](float y) { return std::fpclassify(y) == FP_SUBNORMAL; }));
                for (const Environment &environment : kEnvironments) {
                    CAPTURE(std::string(table->name));
                    CAPTURE(precision);
                    CAPTURE(std::string(environment.name));
                    std::vector<float> alone, shared;
                    CHECK(keeps(environment.control, [&] { alone = products(sample, serial); }));
                    CHECK(same_bits(alone, expected));
                    // The pool's threads have the environment in which it is made.
                    CHECK(keeps(environment.control, [&] {
                        densq_threads *pool = nullptr;
                        require_ok(densq_threads_create(&pool, 3));
                        shared = products(sample, backend_of(table, precision, pool));
                        densq_threads_destroy(&pool);
                    }));
                    CHECK(same_bits(shared, expected));
                }
            }
    }
}
