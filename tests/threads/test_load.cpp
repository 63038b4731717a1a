// SPDX-License-Identifier: MIT
// test_load.cpp - what a pool does to the CPUs, and what it does when others take them.
#include <doctest/doctest.h>
#include <sched.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "pool.hpp"

using namespace densq::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::chrono::nanoseconds cpu_time() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A job of two indices.  The caller's ends when the worker has begun with the other, or after a
// second.  Then the worker calls at_work.
template <typename AtWork>
void meet_worker(densq_threads *pool, AtWork at_work) {
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> begun = false;
    run(pool, 2, [&](uint32_t begin, uint32_t end) {
        if (std::this_thread::get_id() != caller) {
            begun = true;
            at_work();
        } else if (begin == 0 && end == 1) {
            const auto start = Clock::now();
            while (!begun && Clock::now() - start < 1s) std::this_thread::yield();
        }
    });
}

// Whether the caller does a job alone, in one go.
bool works_alone(densq_threads *pool) {
    bool alone = false;
    run(pool, 2, [&](uint32_t begin, uint32_t end) {
        if (end - begin == 2) alone = true;
    });
    return alone;
}

}  // namespace

TEST_CASE("threads without work sleep") {
    const Pool pool = make_pool(2);
    run(pool.get(), 100, [](uint32_t, uint32_t) {});
    const auto before = cpu_time();
    std::this_thread::sleep_for(200ms);
    CHECK(cpu_time() - before < 40ms);
}

TEST_CASE("a caller that has waited for a worker without a CPU works alone, but not for long") {
    const Pool pool = make_pool(2);
    bool alone = false;
    // Not always at once: on a busy machine the caller may itself have waited for a CPU for longer.
    for (int attempt = 0; attempt < 50 && !alone; ++attempt) {
        CHECK_FALSE(works_alone(pool.get()));
        meet_worker(pool.get(), [] { std::this_thread::sleep_for(20ms); });
        alone = works_alone(pool.get());
        std::this_thread::sleep_for(40ms);
    }
    CHECK(alone);
    CHECK_FALSE(works_alone(pool.get()));
}

#if defined(__linux__)
TEST_CASE("workers leave the caller's CPU, and no thread stays bound") {
    const Pool pool = make_pool(2);
    if (densq_threads_count(make_pool(0).get()) < 2) return;
    std::thread([&] {
        cpu_set_t all, only, after;
        REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
        const int cpu = sched_getcpu();
        CPU_ZERO(&only);
        CPU_SET(static_cast<size_t>(cpu), &only);
        REQUIRE(sched_setaffinity(0, sizeof only, &only) == 0);
        int jobs = 0, elsewhere = 0, bound = 0;
        for (int i = 0; i < 100; ++i) {
            std::this_thread::sleep_for(1ms);
            meet_worker(pool.get(), [&] {
                cpu_set_t own;
                ++jobs;
                elsewhere += sched_getcpu() != cpu;
                bound += sched_getaffinity(0, sizeof own, &own) != 0 || !CPU_EQUAL(&own, &all);
                sched_setaffinity(0, sizeof only, &only);  // it falls asleep there, and may leave
                sched_setaffinity(0, sizeof all, &all);
            });
        }
        CHECK(bound == 0);
        CHECK(jobs > 0);
        CHECK(2 * elsewhere > jobs);
        REQUIRE(sched_getaffinity(0, sizeof after, &after) == 0);
        CHECK(CPU_EQUAL(&after, &only));
    }).join();
}
#endif
