// SPDX-License-Identifier: MIT
// threads.cpp - the thread pool of densq/threads.h: POSIX threads, one job at a time.
//
// A job [0, count) is cut into one contiguous share per thread, so that each thread reads one
// stream of memory.  A thread takes grains from the front of its own share, then from the shares of
// the others.  A worker that the system delays, or does not wake, costs no more than the grain that
// it has taken.  The fewer indices are left in a share, the smaller are the grains: so there are
// few of them at first, and all threads end at about the same time.
//
// Workers come and go through the gate, which is one atomic word.  The caller opens it for a new
// job, works too until no index is left, closes it, and waits for the workers that are still
// inside.
//
// Atomics are compiler builtins, because std::atomic with assertions calls into libstdc++.
#include "densq/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "threads/back_off.hpp"
#include "threads/cpus.hpp"

namespace {

constexpr uint32_t kMaxThreads = 1024;

// The gate: number of workers inside, flags, number of the job.  That number begins again after
// 2^19 jobs.  A worker that slept so long misses one job, and the others do it.
constexpr uint32_t kInside = (1u << 11) - 1;
constexpr uint32_t kOpen = 1u << 11;
constexpr uint32_t kStop = 1u << 12;
constexpr uint32_t kJob = 1u << 13;
static_assert(kMaxThreads <= kInside);

// How long a thread polls before it sleeps: about as long as it takes to wake it up again.
constexpr int64_t kSpinNanoseconds = 50000;
constexpr int kPollsPerClockReading = 16;

// How often a worker lets other threads have its CPU.  It does so between jobs, as it would
// otherwise lose the CPU at some time, with a grain for which the caller must wait.
constexpr int64_t kYieldNanoseconds = 500000;

struct alignas(64) Member {
    uint32_t next, end;  // its share: the indices not yet taken; `next` is atomic
    densq_threads *pool;
    pthread_t thread;
};

}  // namespace

struct alignas(64) densq_threads {
    pthread_mutex_t turn;  // held by the caller whose job is running
    uint32_t count;        // members, the caller (number 0) included
    bool spin;             // there is a CPU for every member
    densq_task_fn task;
    void *arg;
    densq::BackOff back_off;  // of callers
    int caller_cpu;           // atomic: that of the job's caller

    alignas(64) uint32_t gate;  // atomic
    uint32_t sleepers;          // atomic: workers that wait for `opened`

    alignas(64) pthread_mutex_t sleep;  // of the two conditions
    pthread_cond_t opened;              // the gate shows a new job, or kStop
    pthread_cond_t left;                // the last worker has left a closed gate

    Member members[1];  // there are `count`
};

namespace {

uint32_t read_gate(const densq_threads *pool) {
    return __atomic_load_n(&pool->gate, __ATOMIC_SEQ_CST);
}

int64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

bool has_news(uint32_t gate, uint32_t last_job) {
    return (gate & kStop) || ((gate & kOpen) && (gate & -kJob) != last_job);
}

bool is_empty(uint32_t gate) { return (gate & kInside) == 0; }

// Polls until ready(gate), for a limited time; returns false if it is not ready then.
template <typename Ready>
bool poll_gate(const densq_threads *pool, Ready ready) {
    if (!pool->spin) return ready(read_gate(pool));
    const int64_t start = now();
    do {
        for (int i = 0; i < kPollsPerClockReading; ++i) {
            if (ready(read_gate(pool))) return true;
            pause_cpu();
        }
    } while (now() - start < kSpinNanoseconds);
    return false;
}

// Cuts the job into the members' shares.
void share_out(densq_threads *pool, uint64_t indices) {
    for (uint32_t i = 0; i < pool->count; ++i) {
        pool->members[i].end = static_cast<uint32_t>(indices * (i + 1) / pool->count);
        __atomic_store_n(&pool->members[i].next, static_cast<uint32_t>(indices * i / pool->count),
                         __ATOMIC_RELAXED);
    }
}

// Takes the next grain of a share; false if nothing is left.
bool take_grain(Member *share, uint32_t *begin, uint32_t *end) {
    *begin = __atomic_load_n(&share->next, __ATOMIC_RELAXED);
    do {
        if (*begin == share->end) return false;
        const uint32_t grain = (share->end - *begin) / 8;
        *end = *begin + (grain ? grain : 1);
    } while (!__atomic_compare_exchange_n(&share->next, begin, *end, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

// Takes part in the open job until no index of it is left to take.
void work(densq_threads *pool, uint32_t member) {
    for (uint32_t i = 0; i < pool->count; ++i) {
        Member *share = &pool->members[(member + i) % pool->count];
        uint32_t begin, end;
        while (take_grain(share, &begin, &end)) pool->task(pool->arg, begin, end);
    }
}

// Returns the gate once it shows a job other than the last, or kStop.
uint32_t wait_for_news(densq_threads *pool, uint32_t last_job) {
    const auto ready = [=](uint32_t gate) { return has_news(gate, last_job); };
    if (!poll_gate(pool, ready)) {
        pthread_mutex_lock(&pool->sleep);
        // Either open_gate sees this, or ready sees the opened gate, as all four accesses have one
        // order.
        __atomic_fetch_add(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
        while (!ready(read_gate(pool))) pthread_cond_wait(&pool->opened, &pool->sleep);
        __atomic_fetch_sub(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&pool->sleep);
    }
    return read_gate(pool);
}

void yield_at_times(int64_t *last) {
    if (now() - *last < kYieldNanoseconds) return;
    sched_yield();
    *last = now();
}

// Whether the worker shares its CPU with the caller, as the system likes to wake it there.  It has
// moved away then.
bool was_on_callers_cpu(const densq_threads *pool) {
    const int cpu = densq::current_cpu();
    if (cpu < 0 || cpu != __atomic_load_n(&pool->caller_cpu, __ATOMIC_RELAXED)) return false;
    densq::leave_cpu(cpu);
    return true;
}

void *worker_main(void *arg) {
    Member *self = static_cast<Member *>(arg);
    densq_threads *pool = self->pool;
    int64_t yielded = 0;
    for (uint32_t last_job = 0;;) {
        yield_at_times(&yielded);
        uint32_t gate = wait_for_news(pool, last_job);
        if (gate & kStop) return nullptr;
        if (!has_news(gate, last_job)) continue;  // it was closed again
        if (pool->spin && was_on_callers_cpu(pool)) gate = read_gate(pool);
        if (!has_news(gate, last_job)) continue;
        if (!__atomic_compare_exchange_n(&pool->gate, &gate, gate + 1, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_RELAXED))
            continue;
        last_job = gate & -kJob;
        work(pool, static_cast<uint32_t>(self - pool->members));
        gate = __atomic_sub_fetch(&pool->gate, 1, __ATOMIC_SEQ_CST);
        if (gate & (kOpen | kInside)) continue;
        pthread_mutex_lock(&pool->sleep);
        pthread_cond_signal(&pool->left);
        pthread_mutex_unlock(&pool->sleep);
    }
}

void open_gate(densq_threads *pool, uint32_t gate) {
    __atomic_store_n(&pool->gate, gate, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool->sleepers, __ATOMIC_SEQ_CST) == 0) return;
    pthread_mutex_lock(&pool->sleep);  // now all threads that are counted as sleepers do sleep
    pthread_mutex_unlock(&pool->sleep);
    pthread_cond_broadcast(&pool->opened);
}

void close_gate(densq_threads *pool) {
    const uint32_t gate = __atomic_fetch_and(&pool->gate, ~kOpen, __ATOMIC_SEQ_CST);
    if (is_empty(gate) || poll_gate(pool, is_empty)) return;
    pthread_mutex_lock(&pool->sleep);
    while (!is_empty(read_gate(pool))) pthread_cond_wait(&pool->left, &pool->sleep);
    pthread_mutex_unlock(&pool->sleep);
}

// Starts the workers.  They block all signals, except those that a thread causes itself, so that
// the handlers of the program run on its own threads.  Returns how many members there are then.
uint32_t start_workers(densq_threads *pool) {
    sigset_t blocked, before;
    sigfillset(&blocked);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (int fault : faults) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    uint32_t i = 1;
    for (; i < pool->count; ++i) {
        Member *member = &pool->members[i];
        member->pool = pool;
        if (pthread_create(&member->thread, nullptr, worker_main, member) != 0) break;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return i;
}

// Joins the workers of members 1..started-1 and frees the pool.
void end(densq_threads *pool, uint32_t started) {
    open_gate(pool, kStop);
    for (uint32_t i = 1; i < started; ++i) pthread_join(pool->members[i].thread, nullptr);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->opened);
    pthread_mutex_destroy(&pool->sleep);
    pthread_mutex_destroy(&pool->turn);
    free(pool);
}

}  // namespace

densq_status densq_threads_create(densq_threads **out, uint32_t threads) {
    if (!out) return DENSQ_ERR_ARGUMENT;
    *out = nullptr;
    if (threads > kMaxThreads) return DENSQ_ERR_ARGUMENT;
    const uint32_t cpus = densq::usable_cpus();
    if (threads == 0) threads = cpus < kMaxThreads ? cpus : kMaxThreads;
    const size_t size = sizeof(densq_threads) + (threads - 1) * sizeof(Member);
    void *memory;
    if (posix_memalign(&memory, alignof(densq_threads), size) != 0) return DENSQ_ERR_MEMORY;
    memset(memory, 0, size);
    densq_threads *pool = static_cast<densq_threads *>(memory);
    pool->turn = PTHREAD_MUTEX_INITIALIZER;
    pool->sleep = PTHREAD_MUTEX_INITIALIZER;
    pool->opened = PTHREAD_COND_INITIALIZER;
    pool->left = PTHREAD_COND_INITIALIZER;
    pool->count = threads;
    pool->spin = threads <= cpus;
    const uint32_t started = start_workers(pool);
    if (started < threads) {
        end(pool, started);
        return DENSQ_ERR_UNSUPPORTED;
    }
    *out = pool;
    return DENSQ_OK;
}

uint32_t densq_threads_count(const densq_threads *pool) { return pool ? pool->count : 1; }

void densq_threads_run(void *user, uint32_t count, densq_task_fn task, void *arg) {
    densq_threads *pool = static_cast<densq_threads *>(user);
    if (count == 0) return;
    if (!pool) return task(arg, 0, count);
    pthread_mutex_lock(&pool->turn);
    const int64_t begin = now();
    if (pool->count == 1 || count == 1 || pool->back_off.works_alone(begin)) {
        task(arg, 0, count);
    } else {
        pool->task = task;
        pool->arg = arg;
        share_out(pool, count);
        __atomic_store_n(&pool->caller_cpu, densq::current_cpu(), __ATOMIC_RELAXED);
        open_gate(pool, ((read_gate(pool) + kJob) & -kJob) | kOpen);
        work(pool, 0);
        const int64_t worked = now();
        close_gate(pool);
        const int64_t end = now();
        pool->back_off.note_job(end, worked - begin, end - worked);
    }
    pthread_mutex_unlock(&pool->turn);
}

void densq_threads_destroy(densq_threads **pool) {
    if (!pool || !*pool) return;
    end(*pool, (*pool)->count);
    *pool = nullptr;
}
