// SPDX-License-Identifier: MIT
// wakeup.cpp - densq-wakeup [THREADS]: how soon a pool's last thread begins with a job, and how
// long a job without work takes, after the pool has had nothing to do for a while.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "densq/threads.h"

namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

double median(std::vector<double> &values) {
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

// One index for each thread; none ends before all have begun.
struct Meeting {
    uint32_t expected;
    std::atomic<uint32_t> begun = 0;
    std::atomic<Clock::rep> last = 0;

    static void task(void *arg, uint32_t begin, uint32_t end) {
        auto *self = static_cast<Meeting *>(arg);
        for (uint32_t i = begin; i < end; ++i) {
            const Clock::rep now = Clock::now().time_since_epoch().count();
            if (++self->begun == self->expected) self->last = now;
        }
        while (self->begun < self->expected) {
        }
    }
};

// How long it takes until all of the pool's threads have begun.
Clock::duration meet(densq_threads *pool) {
    Meeting meeting{.expected = densq_threads_count(pool)};
    const auto start = Clock::now();
    densq_threads_run(pool, meeting.expected, Meeting::task, &meeting);
    return Clock::duration(meeting.last) - start.time_since_epoch();
}

void nothing(void *, uint32_t, uint32_t) {}

void pause(std::chrono::microseconds length) {
    if (length >= std::chrono::milliseconds(1)) return std::this_thread::sleep_for(length);
    for (const auto end = Clock::now() + length; Clock::now() < end;) {
    }
}

}  // namespace

int main(int argc, char **argv) {
    densq_threads *pool = nullptr;
    const auto threads = argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 0;
    if (densq_threads_create(&pool, threads) != DENSQ_OK) return 1;
    const uint32_t count = densq_threads_count(pool);
    std::printf("%u threads; medians, us\n%10s %14s %10s\n", count, "idle for", "last begins",
                "empty job");
    for (const int idle : {0, 10, 40, 100, 1000}) {
        std::vector<double> begins, jobs;
        for (int i = 0; i < (idle < 1000 ? 3000 : 300); ++i) {
            pause(std::chrono::microseconds(idle));
            begins.push_back(microseconds(meet(pool)));
            pause(std::chrono::microseconds(idle));
            const auto start = Clock::now();
            densq_threads_run(pool, count, nothing, nullptr);
            jobs.push_back(microseconds(Clock::now() - start));
            meet(pool);  // so that all have been at work when the next pause begins
        }
        std::printf("%10d %14.2f %10.2f\n", idle, median(begins), median(jobs));
    }
    densq_threads_destroy(&pool);
    return 0;
}
