// SPDX-License-Identifier: MIT
// pool.hpp - a pool that ends with its scope, and jobs from any callable.
#pragma once
#include <doctest/doctest.h>

#include <memory>

#include "densq/threads.h"

namespace densq::test {

struct PoolDeleter {
    void operator()(densq_threads *pool) const { densq_threads_destroy(&pool); }
};
using Pool = std::unique_ptr<densq_threads, PoolDeleter>;

inline Pool make_pool(uint32_t threads) {
    densq_threads *pool = nullptr;
    REQUIRE(densq_threads_create(&pool, threads) == DENSQ_OK);
    REQUIRE(pool != nullptr);
    return Pool(pool);
}

// Runs any callable as a job.
template <typename Task>
void run(densq_threads *pool, uint32_t count, Task task) {
    const densq_task_fn call = [](void *arg, uint32_t begin, uint32_t end) {
        (*static_cast<Task *>(arg))(begin, end);
    };
    densq_threads_run(pool, count, call, &task);
}

}  // namespace densq::test
