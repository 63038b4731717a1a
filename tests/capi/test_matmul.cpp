// SPDX-License-Identifier: MIT
// test_matmul.cpp - densq_matmul through the public functions: products, arguments, threads.
#include <algorithm>
#include <cstring>
#include <thread>

#include "densq/threads.h"
#include "lib/cpu/registry.hpp"
#include "tests/support/backends_run.hpp"

#include "tests/support/bound_weights.hpp"

using namespace densq::test;

namespace {

constexpr densq_precision kPrecisions[] = {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8};

// Everything that one call takes.
struct Call {
    Call(const Weights &bound, const densq_matrix &shape, uint32_t vectors)
        : weights(bound.get()), batch(vectors), x(random_vector(size_t{vectors} * shape.cols)),
          y(size_t{vectors} * shape.rows, -1e30f), x_stride(shape.cols), y_stride(shape.rows),
          workspace(densq_workspace_size(weights, vectors), 0xAA) {}

    densq_status run() {
        return densq_matmul(weights, batch, x.data(), x_stride, y.data(), y_stride,
                            workspace.data(), workspace.size());
    }

    const densq_weights *weights;
    uint32_t batch;
    std::vector<float> x, y;
    size_t x_stride, y_stride;
    std::vector<uint8_t> workspace;
};

// Far above the precision's error here, far below any wrong term.
double tolerance_of(densq_precision precision) { return precision == DENSQ_INT8 ? 0x1p-6 : 0x1p-8; }

// Products of matrix `index` by `batch` vectors against the rows that densq_read_rows gives.
void check_products(const Backend &backend, uint32_t index, uint32_t batch, double tolerance) {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, index);
    const std::vector<float> rows = read_matrix(file, index);
    const Weights weights = make_weights(backend, file, index);
    Call call(weights, matrix, batch);
    REQUIRE(call.run() == DENSQ_OK);
    for (uint32_t b = 0; b < batch; ++b)
        for (uint32_t r = 0; r < matrix.rows; ++r) {
            double expected = 0, magnitude = 0;
            for (uint32_t c = 0; c < matrix.cols; ++c) {
                const double product = static_cast<double>(rows[size_t{r} * matrix.cols + c]) *
                                       static_cast<double>(call.x[size_t{b} * matrix.cols + c]);
                expected += product;
                magnitude += std::abs(product);
            }
            const double got = static_cast<double>(call.y[size_t{b} * matrix.rows + r]);
            if (!(std::abs(got - expected) <= tolerance * magnitude + 1e-6)) FAIL(got, expected);
        }
}

}  // namespace

TEST_CASE("products of every matrix by every backend") {
    for (const std::string &name : backend_names()) {
        bool known = false;
        note_run(densq::find_table(name.c_str(), &known));
        for (const densq_precision precision : kPrecisions) {
            const Backend backend = make_backend(backend_options(name.c_str(), precision));
            for (uint32_t i = 0; i < densq_count(golden().file.get(), DENSQ_MATRIX); ++i)
                for (const uint32_t batch : {1u, 2u, 5u, 9u, 16u}) {
                    CAPTURE(name);
                    CAPTURE(i);
                    CAPTURE(batch);
                    check_products(backend, i, batch, tolerance_of(precision));
                }
        }
    }
}

TEST_CASE("the default precision is fast") {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    for (const std::string &name : backend_names()) {
        const auto product = [&](densq_precision precision) {
            const Backend backend = make_backend(backend_options(name.c_str(), precision));
            const Weights weights = make_weights(backend, file, 0);
            Call call(weights, matrix, 2);
            REQUIRE(call.run() == DENSQ_OK);
            return call.y;
        };
        CHECK(product(DENSQ_PRECISION_DEFAULT) == product(DENSQ_FAST));
        CHECK(product(DENSQ_EXACT) != product(DENSQ_FAST));
    }
}

TEST_CASE("arguments that are refused leave y untouched") {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    REQUIRE(matrix.rows > 1);
    REQUIRE(matrix.cols > 1);
    const Backend backend = make_backend(backend_options());
    const Weights weights = make_weights(backend, file, 0);
    const auto refuses = [&](auto change) {
        Call call(weights, matrix, 3);
        const std::vector<float> before = call.y;
        change(&call);
        return call.run() == DENSQ_ERR_ARGUMENT && call.y == before;
    };
    CHECK(refuses([](Call *call) { call->weights = nullptr; }));
    CHECK(refuses([](Call *call) { --call->x_stride; }));
    CHECK(refuses([](Call *call) { --call->y_stride; }));
    CHECK(refuses([](Call *call) { call->x_stride = SIZE_MAX; }));
    CHECK(refuses([](Call *call) { call->y_stride = SIZE_MAX / 4; }));
    CHECK(refuses([](Call *call) { call->workspace.resize(call->workspace.size() - 1); }));
    CHECK(refuses([](Call *call) { call->batch = UINT32_MAX; }));

    Call call(weights, matrix, 3);
    const auto multiply = [&](const float *x, float *y, void *workspace) {
        return densq_matmul(weights.get(), 3, x, matrix.cols, y, matrix.rows, workspace,
                            call.workspace.size());
    };
    CHECK(multiply(nullptr, call.y.data(), call.workspace.data()) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(call.x.data(), nullptr, call.workspace.data()) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(call.x.data(), call.y.data(), nullptr) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(call.x.data(), call.y.data(), call.workspace.data()) == DENSQ_OK);
}

TEST_CASE("x, y and the workspace may touch but not overlap") {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    const Backend backend = make_backend(backend_options());
    const Weights weights = make_weights(backend, file, 0);
    const size_t space = densq_workspace_size(weights.get(), 1);
    const size_t cols = matrix.cols, rows = matrix.rows;
    std::vector<float> memory(cols + rows + space / sizeof(float) + 1);
    float *first = memory.data();
    const auto multiply = [&](size_t x, size_t y, size_t workspace) {
        return densq_matmul(weights.get(), 1, first + x, 0, first + y, 0, first + workspace, space);
    };
    CHECK(multiply(0, cols, cols + rows) == DENSQ_OK);
    CHECK(multiply(rows, 0, cols + rows) == DENSQ_OK);
    CHECK(multiply(0, 0, cols + rows) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(0, cols - 1, cols + rows) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(rows - 1, 0, cols + rows) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(0, cols, cols + rows - 1) == DENSQ_ERR_ARGUMENT);
    CHECK(multiply(rows, 0, cols + rows - 1) == DENSQ_ERR_ARGUMENT);
}

TEST_CASE("no vectors, no work; at one vector strides do not count") {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    const Backend backend = make_backend(backend_options());
    const Weights weights = make_weights(backend, file, 0);
    CHECK(densq_matmul(weights.get(), 0, nullptr, 0, nullptr, 0, nullptr, 0) == DENSQ_OK);
    Call plain(weights, matrix, 1), strideless(weights, matrix, 1);
    strideless.x_stride = strideless.y_stride = 0;
    CHECK(plain.run() == DENSQ_OK);
    CHECK(strideless.run() == DENSQ_OK);
    CHECK(plain.y == strideless.y);
}

TEST_CASE("a workspace at any address") {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    for (const densq_precision precision : kPrecisions) {
        const Backend backend = make_backend(backend_options(nullptr, precision));
        const Weights weights = make_weights(backend, file, 0);
        Call aligned(weights, matrix, 3);
        REQUIRE(aligned.run() == DENSQ_OK);
        const size_t space = aligned.workspace.size();
        for (size_t shift = 0; shift < 64; ++shift) {
            // Canaries on both sides.
            std::vector<uint8_t> memory(shift + space + 64, 0x5C);
            std::vector<float> y(aligned.y.size());
            REQUIRE(densq_matmul(weights.get(), 3, aligned.x.data(), matrix.cols, y.data(),
                                 matrix.rows, memory.data() + shift, space) == DENSQ_OK);
            CHECK(y == aligned.y);
            const auto is_canary = [](uint8_t byte) { return byte == 0x5C; };
            CHECK(
                std::all_of(memory.begin(), memory.begin() + static_cast<long>(shift), is_canary));
            CHECK(std::all_of(memory.end() - 64, memory.end(), is_canary));
        }
    }
}

TEST_CASE("the same bits on the thread pool, by name of the backend and precision") {
    const densq_file *file = golden().file.get();
    for (uint32_t threads = 1; threads <= 8; ++threads) {
        densq_threads *pool = nullptr;
        require_ok(densq_threads_create(&pool, threads));
        for (const std::string &name : backend_names())
            for (const densq_precision precision : kPrecisions) {
                densq_backend_options options = backend_options(name.c_str(), precision);
                const Backend serial = make_backend(options);
                options.parallel = densq_threads_run;
                options.parallel_user = pool;
                const Backend parallel = make_backend(options);
                for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i) {
                    const densq_matrix matrix = get_matrix(file, i);
                    const Weights one = make_weights(serial, file, i);
                    const Weights many = make_weights(parallel, file, i);
                    Call a(one, matrix, 5), b(many, matrix, 5);
                    REQUIRE(a.run() == DENSQ_OK);
                    REQUIRE(b.run() == DENSQ_OK);
                    REQUIRE(std::memcmp(a.y.data(), b.y.data(), a.y.size() * sizeof(float)) == 0);
                }
            }
        densq_threads_destroy(&pool);
    }
}

TEST_CASE("weights shared by threads, each with its own workspace") {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, 0);
    const Backend backend = make_backend(backend_options());
    const Weights weights = make_weights(backend, file, 0);
    Call expected(weights, matrix, 4);
    REQUIRE(expected.run() == DENSQ_OK);
    std::vector<int> wrong(4);
    std::vector<std::thread> threads;
    for (int &mine : wrong)
        threads.emplace_back([&] {
            for (int repeat = 0; repeat < 50; ++repeat) {
                Call call(weights, matrix, 4);
                mine += call.run() != DENSQ_OK || call.y != expected.y;
            }
        });
    for (std::thread &thread : threads) thread.join();
    for (const int count : wrong) CHECK(count == 0);
}
