// SPDX-License-Identifier: MIT
// test_determinism.cpp - the same bits on any number of threads, and on every run.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

// Cuts a job into pieces of random sizes and hands them to threads in random order.
void run_shuffled(void *user, uint32_t count, densq_task_fn task, void *arg) {
    const uint32_t threads = *static_cast<const uint32_t *>(user);
    Random random(std::random_device{}());
    std::vector<std::pair<uint32_t, uint32_t>> pieces;
    for (uint32_t at = 0; at < count;) {
        const uint32_t end = std::min(count, at + 1 + below(random, 3));
        pieces.emplace_back(at, end);
        at = end;
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    std::vector<std::thread> pool;
    for (uint32_t t = 0; t < threads; ++t)
        pool.emplace_back([&, t] {
            for (size_t i = t; i < pieces.size(); i += threads)
                task(arg, pieces[i].first, pieces[i].second);
        });
    for (std::thread &thread : pool) thread.join();
}

}  // namespace

TEST_CASE("same bits over threads 1 to 8, run after run") {
    Random random(1);
    for (const Sparsity sparsity : {Sparsity::kSome, Sparsity::kOneRow}) {
        const RandomMatrix m = make_matrix(203, 5000, 3, sparsity, random);
        const std::vector<float> x = make_activations(m.cols * 11, random);
        for (const KernelTable *table : usable_tables()) {
            for (const densq_precision precision : kPrecisions) {
                CAPTURE(table->name);
                const std::vector<float> serial =
                    bind_and_multiply(make_backend(table, precision), m.view(), x, 11);
                for (uint32_t threads = 1; threads <= 8; ++threads) {
                    const CpuBackend backend =
                        make_backend(table, precision, run_shuffled, &threads);
                    for (int repeat = 0; repeat < 2; ++repeat) {
                        const std::vector<float> y = bind_and_multiply(backend, m.view(), x, 11);
                        REQUIRE(std::memcmp(y.data(), serial.data(), y.size() * sizeof(float)) ==
                                0);
                    }
                }
            }
        }
    }
}

TEST_CASE("same bits however many tiles are read side by side") {
    Random random(3);
    for (const Sparsity sparsity : {Sparsity::kSome, Sparsity::kOneRow, Sparsity::kNone}) {
        const RandomMatrix m = make_matrix(203, 1100, 4, sparsity, random);
        const std::vector<float> x = make_activations(m.cols, random);
        for (const KernelTable *table : usable_tables()) {
            for (const densq_precision precision : kPrecisions) {
                CAPTURE(table->name);
                CpuBackend backend = make_backend(table, precision);
                backend.reading = {1, 0};
                const std::vector<float> alone = bind_and_multiply(backend, m.view(), x, 1);
                for (uint32_t tiles = 2; tiles <= kMostTiles; ++tiles) {
                    backend.reading = {tiles, 4096 * tiles};
                    const std::vector<float> y = bind_and_multiply(backend, m.view(), x, 1);
                    CHECK(std::memcmp(y.data(), alone.data(), y.size() * sizeof(float)) == 0);
                }
            }
        }
    }
}

TEST_CASE("a plan covers every item once, in chunks of about equal work") {
    Random random(2);
    for (const uint32_t rows : {1u, 15u, 16u, 17u, 400u}) {
        for (const Sparsity sparsity : {Sparsity::kNone, Sparsity::kSome, Sparsity::kOneRow}) {
            const RandomMatrix m = make_matrix(rows, 3000, 2, sparsity, random);
            const CpuBackend backend = make_backend(usable_table(0), DENSQ_EXACT);
            CpuWeights *weights = bind(&backend, m.view());
            const Plan &plan = weights->plan;
            CHECK(plan.chunk_begin[0] == 0);
            CHECK(plan.chunk_begin[plan.chunks] == plan.tiles + plan.segments);
            for (uint32_t c = 0; c < plan.chunks; ++c)
                CHECK(plan.chunk_begin[c] < plan.chunk_begin[c + 1]);
            const uint32_t heavy = sparsity == Sparsity::kOneRow ? 3000 : 0;
            CHECK(plan.segments == (heavy + kHeavyRow - 1) / kHeavyRow);
            if (rows == 400) CHECK(plan.chunks > 8);
            unbind(weights);
        }
    }
}
