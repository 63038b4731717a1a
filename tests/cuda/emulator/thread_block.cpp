// SPDX-License-Identifier: MIT
#include "thread_block.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace densq::emulator {

using device::kWarpThreads;

namespace {

thread_local ThreadBlock *current_thread_block;

bool together(const Collective *a, const Collective *b) {
    return a->word == b->word && a->mask == b->mask && a->site == b->site;
}

}  // namespace

ThreadBlock &ThreadBlock::current() {
    if (current_thread_block) return *current_thread_block;
    std::fputs("a word of kernels/cuda/device_words.hpp outside of a launched kernel\n", stderr);
    std::abort();
}

ThreadBlock::ThreadBlock(Machine &m, const std::string &name, const LaunchShape &launched,
                         Dim index, const std::function<void()> &work)
    : machine(m), shared(launched.dynamic_shared_bytes), kernel(name), shape(launched),
      place(index), threads(launched.threads) {
    machine.order.begin_thread_block(shape.threads);
    while (machine.fibres.size() < threads.size())
        machine.fibres.push_back(std::make_unique<Fibre>());
    for (Thread &thread : threads) {
        thread.index = static_cast<uint32_t>(&thread - threads.data());
        thread.fibre = machine.fibres[thread.index].get();
        thread.fibre->assign([this, &thread, &work] { run_thread(thread, work); });
        make_ready(thread);
    }
}

// All of them, in random order, each as far as it gets without the others.
void ThreadBlock::run() {
    current_thread_block = this;
    while (!ready.empty() && !given_up) {
        std::swap(ready[machine.below(ready.size())], ready.back());
        running = ready.back();
        ready.pop_back();
        running->fibre->resume();
    }
    if (!given_up) diagnose();
    stop_all();
    current_thread_block = nullptr;
}

void ThreadBlock::run_thread(Thread &thread, const std::function<void()> &work) {
    try {
        if (!given_up) work();
        for (const AsyncGroup &group : thread.groups) check_copies_done(group);
        check_copies_done(thread.uncommitted);
    } catch (const GivenUp &) {
    }
    thread.state = State::kExited;
}

void ThreadBlock::check_copies_done(const AsyncGroup &group) {
    for (const AsyncCopy &copy : group)
        add_finding(Kind::kAsyncUnfinished, copy.site, "its thread exits without waiting for it");
}

void ThreadBlock::make_ready(Thread &thread) {
    thread.state = State::kReady;
    ready.push_back(&thread);
}

void ThreadBlock::wait() {
    Thread &thread = *running;
    thread.fibre->suspend();
    if (given_up) throw GivenUp();
}

void ThreadBlock::give_up() {
    given_up = true;
    throw GivenUp();
}

// Lets the threads that can go no further leave their kernel.
void ThreadBlock::stop_all() {
    given_up = true;
    for (Thread &thread : threads) {
        running = &thread;
        if (thread.state != State::kExited) thread.fibre->resume();
    }
}

void ThreadBlock::maybe_switch() {
    if (!machine.options.switch_at_accesses || machine.below(4)) return;
    make_ready(*running);
    wait();
}

void ThreadBlock::add_finding(Kind kind, Site site, std::string what) {
    machine.report.add({kind, kernel, place, running->index, site, std::move(what), 1});
}

void ThreadBlock::sync_thread_block(Site site) {
    running->site = site;
    running->state = State::kAtThreadBlockBarrier;
    if (++at_barrier == threads.size()) {
        at_barrier = 0;
        machine.order.sync_thread_block();
        for (Thread &thread : threads) {
            if (!(thread.site == site))
                add_finding(Kind::kDivergence, site, "while " + describe(thread));
            make_ready(thread);
        }
    }
    wait();
}

// False if this lane waits for another, and that one for this, but not in the same thing.
bool ThreadBlock::check_partners(const Collective &mine) {
    const uint32_t lane = running->index % kWarpThreads;
    Thread *warp = &threads[running->index - lane];
    for (uint32_t other = 0; other < kWarpThreads; ++other) {
        const Collective *its = warp[other].collective;
        if (!its || !(mine.mask >> other & 1) || !(its->mask >> lane & 1)) continue;
        if (together(&mine, its)) continue;
        add_finding(Kind::kDivergence, mine.site, "while " + describe(warp[other]));
        return false;
    }
    return true;
}

uint32_t ThreadBlock::take_part(Collective &collective) {
    Thread &thread = *running;
    const uint32_t lane = thread.index % kWarpThreads;
    if (!(collective.mask >> lane & 1)) {
        add_finding(Kind::kBadMask, collective.site, "the lane is not in its own mask");
        give_up();
    }
    if (!check_partners(collective)) give_up();
    thread.site = collective.site;
    thread.state = State::kAtCollective;
    thread.collective = &collective;
    finish(thread.index / kWarpThreads, collective.mask);
    wait();
    return collective.result;
}

// Does what the lanes of a mask wait for, once they are all there.
void ThreadBlock::finish(uint32_t warp, uint32_t mask) {
    Thread *lanes = &threads[warp * kWarpThreads];
    Collective *collectives[kWarpThreads] = {};
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
        if (!(mask >> lane & 1)) continue;
        collectives[lane] = lanes[lane].collective;
        if (!collectives[lane] || !together(collectives[lane], running->collective)) return;
    }
    if (running->collective->word == WarpWord::kSync)
        machine.order.sync_warp(warp, mask);
    else
        compute_collective(collectives);
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
        if (!(mask >> lane & 1)) continue;
        lanes[lane].collective = nullptr;
        make_ready(lanes[lane]);
    }
}

std::string ThreadBlock::describe(const Thread &thread) const {
    const std::string who = "thread " + std::to_string(thread.index);
    if (thread.state == State::kExited) return who + " has exited";
    if (thread.state == State::kReady) return who + " runs";
    const char *what = thread.state == State::kAtThreadBlockBarrier ? " waits for its block at "
                                                                    : " waits for its warp at ";
    return who + what + thread.site.text();
}

// No thread can go on: why, unless all have exited.
void ThreadBlock::diagnose() {
    const auto waits = [](const Thread &t) { return t.state != State::kExited; };
    const auto waiting = std::find_if(threads.begin(), threads.end(), waits);
    if (waiting == threads.end()) return;
    // An operation of a warp waits only for its warp: that is the more exact reason.
    for (Thread &thread : threads) {
        if (thread.state != State::kAtCollective) continue;
        const Thread *warp = &threads[thread.index - thread.index % kWarpThreads];
        for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
            if (!(thread.collective->mask >> lane & 1)) continue;
            const Collective *its = warp[lane].collective;
            if (its && together(its, thread.collective)) continue;
            running = &thread;
            add_finding(warp[lane].state == State::kExited ? Kind::kEarlyExit : Kind::kDivergence,
                        thread.site, "while " + describe(warp[lane]));
            return;
        }
    }
    const auto exited = std::find_if_not(threads.begin(), threads.end(), waits);
    running = &*waiting;
    add_finding(Kind::kEarlyExit, waiting->site, "while " + describe(*exited));
}

}  // namespace densq::emulator
