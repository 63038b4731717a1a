// SPDX-License-Identifier: MIT
// shared_input.cpp - densq-shared-input [ROWS COLS]: three matrices of a shape by the same vectors,
// in one call of densq_matmul_shared beside three of densq_matmul.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "densq/densq.h"
#include "densq/threads.h"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/measure/matrix_image.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kMatrices = 3, kBits = 4;
constexpr double kSparse = 0.0045;
constexpr int kTurn = 100;

void require(densq_status status) {
    if (status == DENSQ_OK) return;
    std::fprintf(stderr, "densq-shared-input: %s\n", densq_strerror(status));
    std::exit(1);
}

template <typename Work>
double microseconds(Work work) {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// The median, and what one in 20 is below: on a busy machine, where the median is that of threads
// that have no CPU, it is still near the time of a machine that is not.
struct Times {
    double median, fast;
};

Times times_of(std::vector<double> &values) {
    std::sort(values.begin(), values.end());
    return {values[values.size() / 2], values[values.size() / 20]};
}

void print(const Times &three, const Times &one) {
    std::printf(" %12.1f %9.1f %6.2f %12.1f %9.1f %6.2f\n", three.median, one.median,
                one.median / three.median, three.fast, one.fast, one.fast / three.fast);
}

void compare(const densq_file *const *files, uint32_t rows, uint32_t cols, uint32_t threads,
             densq_precision precision, uint32_t batch) {
    densq_threads *pool = nullptr;
    require(densq_threads_create(&pool, threads));
    densq_backend_options options = {};
    options.struct_size = sizeof options;
    options.precision = precision;
    options.parallel = densq_threads_run;
    options.parallel_user = pool;
    densq_backend *backend = nullptr;
    require(densq_backend_create(&backend, &options, nullptr));
    std::vector<float> x(size_t{cols} * batch, 0.5f), y(size_t{kMatrices} * rows * batch);
    densq_weights *weights[kMatrices] = {};
    densq_product products[kMatrices];
    for (size_t i = 0; i < kMatrices; ++i) {
        require(densq_bind(&weights[i], backend, files[i], 0, nullptr));
        products[i] = {weights[i], y.data() + i * rows * batch, rows};
    }
    std::vector<uint8_t> workspace(
        densq_workspace_size_shared(products, kMatrices, batch, DENSQ_F32, DENSQ_F32));
    const auto three = [&] {
        for (const densq_product &product : products)
            require(densq_matmul(product.weights, batch, x.data(), cols,
                                 static_cast<float *>(product.y), rows, workspace.data(),
                                 workspace.size()));
    };
    const auto one = [&] {
        require(densq_matmul_shared(products, kMatrices, batch, x.data(), DENSQ_F32, cols,
                                    DENSQ_F32, workspace.data(), workspace.size(), nullptr));
    };
    std::vector<double> apart, together;
    // In long turns, as the two ways leave different codes in the caches of the CPUs.
    for (const auto start = Clock::now(); Clock::now() - start < std::chrono::seconds(1);) {
        for (int i = 0; i < kTurn; ++i) apart.push_back(microseconds(three));
        for (int i = 0; i < kTurn; ++i) together.push_back(microseconds(one));
    }
    std::printf("%7u %9s %6u", threads, densq::tool::precision_name(precision), batch);
    print(times_of(apart), times_of(together));
    for (densq_weights *&bound : weights) densq_unbind(&bound);
    densq_backend_destroy(&backend);
    densq_threads_destroy(&pool);
}

}  // namespace

int main(int argc, char **argv) {
    const auto number = [&](int at) {
        return argc > at ? static_cast<uint32_t>(std::strtoul(argv[at], nullptr, 10)) : 576u;
    };
    const uint32_t rows = number(1), cols = number(2);
    const auto nnz = static_cast<uint32_t>(kSparse * rows * cols);
    const auto image = densq::tool::make_matrix_image(rows, cols, kBits, nnz);
    densq_open_options options = {};
    options.struct_size = sizeof options;
    // Copies: three matrices, not one in the cache.
    options.flags = DENSQ_OPEN_COPY | DENSQ_OPEN_SKIP_CHECKSUM;
    densq_file *files[kMatrices] = {};
    for (densq_file *&file : files)
        require(
            densq_open_memory(&file, image.bytes.data(), image.bytes.size(), &options, nullptr));
    std::printf(
        "%u matrices of %u x %u, %u bits, 0.45 %% sparse, %s; medians and 5th percentiles in us\n"
        "%7s %9s %6s %12s %9s %6s %12s %9s %6s\n",
        kMatrices, rows, cols, kBits, densq_backend_at(0), "threads", "precision", "batch",
        "three calls", "one call", "ratio", "three calls", "one call", "ratio");
    for (const uint32_t threads : {1u, 2u})
        for (const densq_precision precision : {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8})
            for (const uint32_t batch : {1u, 8u})
                compare(files, rows, cols, threads, precision, batch);
    for (densq_file *&file : files) densq_close(&file);
    return 0;
}
