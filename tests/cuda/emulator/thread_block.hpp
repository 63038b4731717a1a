// SPDX-License-Identifier: MIT
// thread_block.hpp - one thread block of a launch: its threads, what they wait for, its shared
// memory.
#pragma once
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "emulator.hpp"
#include "fibre.hpp"
#include "global_memory.hpp"
#include "order.hpp"
#include "report.hpp"
#include "runtime.hpp"
#include "shared_memory.hpp"

namespace densq::emulator {

// What one lane brings to something that its warp does together.
struct Collective {
    WarpWord word;
    uint32_t mask;
    Site site;
    uint32_t value = 0, argument = 0;
    const MmaOperands *operands = nullptr;
    uint32_t result = 0;
};

struct AsyncCopy {
    SharedRange to;
    const void *from;  // nullptr: zeros
    Site site;
};

using AsyncGroup = std::vector<AsyncCopy>;

enum class State { kReady, kAtThreadBlockBarrier, kAtCollective, kExited };

struct Thread {
    uint32_t index = 0;
    Fibre *fibre = nullptr;
    State state = State::kReady;
    Site site;                         // where it waits
    Collective *collective = nullptr;  // what it waits for, on its stack
    AsyncGroup uncommitted;
    std::deque<AsyncGroup> groups;
};

// What outlives a thread block.
struct Machine {
    Options options;
    std::mt19937_64 random;
    Report report;
    Order order;
    GlobalMemory global;
    std::vector<std::unique_ptr<Fibre>> fibres;

    uint32_t below(size_t limit) { return static_cast<uint32_t>(random() % limit); }
};

class ThreadBlock {
public:
    ThreadBlock(Machine &machine, const std::string &kernel, const LaunchShape &shape, Dim index,
                const std::function<void()> &work);

    void run();

    // The rest is called by the thread that is running.
    static ThreadBlock &current();
    Thread &self() { return *running; }
    Dim index() const { return place; }
    const LaunchShape &launch_shape() const { return shape; }

    void add_finding(Kind kind, Site site, std::string what);
    [[noreturn]] void give_up();  // no thread of this thread block goes on
    void maybe_switch();          // at an access to memory
    void sync_thread_block(Site site);
    uint32_t take_part(Collective &collective);
    Machine &machine;
    SharedMemory shared;

private:
    struct GivenUp {};

    void run_thread(Thread &thread, const std::function<void()> &work);
    void check_copies_done(const AsyncGroup &group);
    void make_ready(Thread &thread);
    void wait();
    void diagnose();
    void stop_all();
    bool check_partners(const Collective &collective);
    void finish(uint32_t warp, uint32_t mask);
    std::string describe(const Thread &thread) const;

    const std::string &kernel;
    const LaunchShape &shape;
    Dim place;
    std::vector<Thread> threads;
    std::vector<Thread *> ready;
    Thread *running = nullptr;
    uint32_t at_barrier = 0;
    bool given_up = false;
};

// Computes the results of all lanes in the mask; lanes[l] is nullptr for others.
void compute_collective(Collective *const (&lanes)[32]);

}  // namespace densq::emulator
