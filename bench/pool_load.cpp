// SPDX-License-Identifier: MIT
// pool_load.cpp - densq-pool-load [THREADS] [SECONDS]: what a pool brings beside one thread, for
// jobs as a small model's matrices make them, on an idle machine and beside other processes, one
// for each CPU.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "densq/threads.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kChunks = 14;
constexpr double kChunkMicroseconds = 4;
constexpr int kJobsPerToken = 120;

double microseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double quantile(std::vector<double> values, double share) {
    const size_t at = static_cast<size_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
    return values[at];
}

// Takes the CPU's time rather than that of a clock, which goes on while others have the CPU.
void compute(uint64_t steps) {
    for (uint64_t i = 0; i < steps; ++i) __asm__ volatile("" ::: "memory");
}

uint64_t steps_per_chunk() {
    constexpr uint64_t kSteps = 100000;
    double fastest = 1e9;
    for (int i = 0; i < 200; ++i) {
        const auto start = Clock::now();
        compute(kSteps);
        fastest = std::min(fastest, microseconds_since(start));
    }
    return static_cast<uint64_t>(kSteps * kChunkMicroseconds / fastest);
}

void chunks(void *steps, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; ++i) compute(*static_cast<uint64_t *>(steps));
}

struct Times {
    std::vector<double> tokens;            // microseconds
    std::vector<double> jobs_per_seconds;  // of turns

    // Tokens for a quarter of a second.
    void take_turn(densq_threads *pool, uint64_t steps) {
        const auto start = Clock::now();
        int jobs = 0;
        while (microseconds_since(start) < 0.25e6) {
            const auto token = Clock::now();
            for (int job = 0; job < kJobsPerToken; ++job)
                densq_threads_run(pool, kChunks, chunks, &steps);
            tokens.push_back(microseconds_since(token));
            jobs += kJobsPerToken;
        }
        jobs_per_seconds.push_back(jobs / microseconds_since(start) * 1e6);
    }
};

// In turns, as the machine changes.
void compare(const char *load, densq_threads *pool, uint64_t steps, double seconds) {
    Times alone, together;
    for (const auto start = Clock::now(); microseconds_since(start) < seconds * 1e6;) {
        alone.take_turn(nullptr, steps);
        together.take_turn(pool, steps);
    }
    const auto row = [&](const char *unit, const std::vector<double> Times::*values, double share) {
        const double one = quantile(alone.*values, share), all = quantile(together.*values, share);
        std::printf("%-22s %-18s %10.0f %10.0f %6.2f\n", load, unit, one, all, all / one);
        load = "";
    };
    row("jobs/s, median", &Times::jobs_per_seconds, 0.5);
    row("us/token, median", &Times::tokens, 0.5);
    row("us/token, 90 %", &Times::tokens, 0.9);
}

pid_t start_competitor() {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) compute(1000000);
}

}  // namespace

int main(int argc, char **argv) {
    const auto threads = argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 0;
    const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 10;
    densq_threads *pool = nullptr;
    if (densq_threads_create(&pool, threads) != DENSQ_OK) return 1;
    const uint64_t steps = steps_per_chunk();
    std::printf("tokens of %d jobs of %u x %.0f us\n%-22s %-18s %10s %2u threads %6s\n",
                kJobsPerToken, kChunks, kChunkMicroseconds, "", "", "1 thread",
                densq_threads_count(pool), "ratio");
    compare("nothing beside it", pool, steps, seconds);
    std::vector<pid_t> competitors;
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 1; i <= cpus; ++i) {
        competitors.push_back(start_competitor());
        char load[64];
        std::snprintf(load, sizeof load, "%ld process%s beside it", i, i == 1 ? "" : "es");
        if (i == 1 || i == cpus) compare(load, pool, steps, seconds);
    }
    for (const pid_t pid : competitors) {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }
    densq_threads_destroy(&pool);
    return 0;
}
