// SPDX-License-Identifier: MIT
// test_threads.cpp - the thread pool: every index exactly once, whatever callers and pools do.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "pool.hpp"

using namespace densq::test;

namespace {

// Plain ints on purpose: two threads at one index, or a result not yet visible to the caller, are
// races that the thread sanitizer reports.
bool each_index_once(densq_threads *pool, uint32_t count) {
    std::vector<int> visits(count, 0);
    run(pool, count, [&](uint32_t begin, uint32_t end) {
        for (uint32_t i = begin; i < end; ++i) ++visits.at(i);
    });
    return std::all_of(visits.begin(), visits.end(), [](int n) { return n == 1; });
}

}  // namespace

TEST_CASE("every index is handled exactly once") {
    for (uint32_t threads = 1; threads <= 8; ++threads) {
        const Pool pool = make_pool(threads);
        CHECK(densq_threads_count(pool.get()) == threads);
        for (uint32_t count = 0; count <= 300; ++count) {
            INFO("threads ", threads, ", count ", count);
            CHECK(each_index_once(pool.get(), count));
        }
        CHECK(each_index_once(pool.get(), 1000003));
    }
}

TEST_CASE("tasks get non-empty ranges inside the job") {
    const Pool pool = make_pool(3);
    std::atomic<int> bad{0};
    for (uint32_t count = 1; count <= 100; ++count)
        run(pool.get(), count, [&](uint32_t begin, uint32_t end) {
            if (begin >= end || end > count) ++bad;
        });
    CHECK(bad == 0);
}

TEST_CASE("the largest count does not overflow") {
    const Pool pool = make_pool(5);
    std::atomic<uint64_t> handled{0};
    run(pool.get(), UINT32_MAX, [&](uint32_t begin, uint32_t end) { handled += end - begin; });
    CHECK(handled == UINT32_MAX);
}

TEST_CASE("without a pool the caller does the whole job in one go") {
    int calls = 0;
    run(nullptr, 17, [&](uint32_t begin, uint32_t end) {
        ++calls;
        CHECK(begin == 0);
        CHECK(end == 17);
    });
    CHECK(calls == 1);
    run(nullptr, 0, [&](uint32_t, uint32_t) { ++calls; });
    CHECK(calls == 1);
    CHECK(densq_threads_count(nullptr) == 1);
}

TEST_CASE("many short jobs, each seeing the results of the one before") {
    const Pool pool = make_pool(3);
    std::vector<uint32_t> numbers(7, 0);
    for (uint32_t job = 0; job < 100000; ++job)
        run(pool.get(), 7, [&](uint32_t begin, uint32_t end) {
            for (uint32_t i = begin; i < end; ++i) numbers[i] += numbers[i] == job;
        });
    CHECK(numbers == std::vector<uint32_t>(7, 100000));
}

TEST_CASE("jobs after a pause, when the workers are asleep") {
    const Pool pool = make_pool(4);
    for (int i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        CHECK(each_index_once(pool.get(), 100));
    }
}

TEST_CASE("several callers share a pool, one job at a time") {
    for (uint32_t threads : {1u, 3u}) {
        const Pool pool = make_pool(threads);
        std::vector<std::thread> callers;
        std::atomic<int> bad{0};
        uint64_t total = 0;  // unguarded: two jobs at a time would race
        for (int caller = 0; caller < 4; ++caller)
            callers.emplace_back([&] {
                for (int job = 0; job < 500; ++job) {
                    if (!each_index_once(pool.get(), 50)) ++bad;
                    run(pool.get(), 1, [&](uint32_t, uint32_t) { ++total; });
                }
            });
        for (std::thread &caller : callers) caller.join();
        CHECK(bad == 0);
        CHECK(total == 2000);
    }
}

TEST_CASE("a task may start jobs on another pool") {
    const Pool outer = make_pool(3), inner = make_pool(2);
    std::vector<int> visits(40 * 50, 0);
    run(outer.get(), 40, [&](uint32_t begin, uint32_t end) {
        for (uint32_t i = begin; i < end; ++i)
            run(inner.get(), 50, [&](uint32_t from, uint32_t to) {
                for (uint32_t j = from; j < to; ++j) ++visits[i * 50 + j];
            });
    });
    CHECK(std::all_of(visits.begin(), visits.end(), [](int n) { return n == 1; }));
}

TEST_CASE("pools come and go, used or not") {
    for (uint32_t i = 0; i < 300; ++i) {
        const Pool pool = make_pool(1 + i % 5);
        if (i % 3) CHECK(each_index_once(pool.get(), i % 11));
    }
}

TEST_CASE("a pool of one thread per usable CPU") {
    const Pool pool = make_pool(0);
    CHECK(densq_threads_count(pool.get()) >= 1);
    CHECK(each_index_once(pool.get(), 1000));
}

TEST_CASE("signals stay with the program's own threads") {
    const Pool pool = make_pool(4);
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<int> open{0}, faults_blocked{0};
    run(pool.get(), 64, [&](uint32_t, uint32_t) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));  // let every worker take part
        if (std::this_thread::get_id() == caller) return;
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        open += !sigismember(&mask, SIGINT) || !sigismember(&mask, SIGTERM);
        faults_blocked += sigismember(&mask, SIGSEGV);
    });
    CHECK(open == 0);
    CHECK(faults_blocked == 0);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    CHECK(!sigismember(&mask, SIGINT));
}

TEST_CASE("what cannot be made is refused") {
    densq_threads *pool = reinterpret_cast<densq_threads *>(64);
    CHECK(densq_threads_create(&pool, 1025) == DENSQ_ERR_ARGUMENT);
    CHECK(pool == nullptr);
    CHECK(densq_threads_create(&pool, UINT32_MAX) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_threads_create(nullptr, 2) == DENSQ_ERR_ARGUMENT);
    densq_threads_destroy(nullptr);
    densq_threads_destroy(&pool);
    CHECK(pool == nullptr);
}

TEST_CASE("the largest pool") {
    densq_threads *pool = nullptr;
    const densq_status status = densq_threads_create(&pool, 1024);
    if (status == DENSQ_ERR_UNSUPPORTED) {  // the system allows fewer threads
        CHECK(pool == nullptr);
        return;
    }
    REQUIRE(status == DENSQ_OK);
    CHECK(each_index_once(pool, 5000));
    densq_threads_destroy(&pool);
    CHECK(pool == nullptr);
}
