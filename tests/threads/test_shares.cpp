// SPDX-License-Identifier: MIT
// test_shares.cpp - how the threads of a pool share a job.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "pool.hpp"

using namespace densq::test;

namespace {

struct Grain {
    uint32_t begin, end;
};

// The first grain of every thread: none goes on before all have one.
std::vector<Grain> first_grains(densq_threads *pool, uint32_t count) {
    std::mutex mutex;
    std::vector<Grain> grains;
    std::vector<std::thread::id> threads;
    std::atomic<uint32_t> begun = 0;
    run(pool, count, [&](uint32_t begin, uint32_t end) {
        {
            const std::lock_guard lock(mutex);
            const auto me = std::this_thread::get_id();
            if (std::find(threads.begin(), threads.end(), me) != threads.end()) return;
            threads.push_back(me);
            grains.push_back({begin, end});
        }
        ++begun;
        while (begun < densq_threads_count(pool)) std::this_thread::yield();
    });
    std::sort(grains.begin(), grains.end(),
              [](const Grain &a, const Grain &b) { return a.begin < b.begin; });
    return grains;
}

}  // namespace

TEST_CASE("every thread begins with a share of its own, and all shares are equal") {
    for (uint32_t threads : {2u, 3u, 7u}) {
        const Pool pool = make_pool(threads);
        const std::vector<Grain> grains = first_grains(pool.get(), 840);
        REQUIRE(grains.size() == threads);
        for (uint32_t i = 0; i < threads; ++i) {
            CHECK(grains[i].begin == 840 / threads * i);
            // a run of consecutive indices, but little enough to leave some to others
            CHECK(grains[i].end - grains[i].begin == 840 / threads / 8);
        }
    }
}

TEST_CASE("idle threads take over the share of a busy one") {
    const Pool pool = make_pool(2);
    const std::thread::id caller = std::this_thread::get_id();
    // The caller's first grain ends only when all other indices are done, its own share included.
    std::atomic<uint32_t> done{0};
    std::atomic<bool> given_up{false};
    run(pool.get(), 64, [&](uint32_t begin, uint32_t end) {
        if (std::this_thread::get_id() == caller && begin == 0) {
            const auto start = std::chrono::steady_clock::now();
            while (done < 64 - end && !given_up) {
                std::this_thread::yield();
                given_up = std::chrono::steady_clock::now() - start > std::chrono::seconds(20);
            }
        }
        done += end - begin;
    });
    CHECK(done == 64);
    CHECK_FALSE(given_up);
}

TEST_CASE("run returns when the last grain is done, whoever does it") {
    const Pool pool = make_pool(2);
    const std::thread::id caller = std::this_thread::get_id();
    // With and without the time that a thread polls before it sleeps.
    for (const int milliseconds : {0, 20}) {
        std::atomic<bool> worker_began{false};
        std::atomic<uint32_t> done{0};
        run(pool.get(), 2, [&](uint32_t begin, uint32_t end) {
            if (std::this_thread::get_id() == caller && end - begin == 1) {
                while (!worker_began) std::this_thread::yield();
            } else {
                worker_began = true;
                std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
            }
            done += end - begin;
        });
        CHECK(done == 2);
    }
}
