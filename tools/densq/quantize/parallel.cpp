// SPDX-License-Identifier: MIT
#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace densq::tool {

void for_each_index(uint32_t count, uint32_t threads, const std::function<void(uint32_t)> &work) {
    std::atomic<uint64_t> next = 0;
    uint64_t failed = count;  // the lowest index whose work threw
    std::exception_ptr failure;
    std::mutex mutex;
    const auto run = [&] {
        for (uint64_t index; (index = next++) < count;) {
            try {
                work(static_cast<uint32_t>(index));
            } catch (...) {
                const std::lock_guard lock(mutex);
                next = count;
                if (index >= failed) continue;
                failed = index;
                failure = std::current_exception();
            }
        }
    };
    std::vector<std::thread> pool;
    try {
        for (uint32_t t = 1; t < std::min(threads, count); ++t) pool.emplace_back(run);
    } catch (const std::exception &) {
        // The system has no more threads; those that have started do the work.
    }
    run();
    for (std::thread &thread : pool) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace densq::tool
