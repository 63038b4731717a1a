// SPDX-License-Identifier: MIT
// test_order.cpp - what orders accesses: the rules, and partial sums of thread blocks that the
// last one adds, where each link of the chain from a store to the load in another thread block is
// missed.
#include <doctest/doctest.h>

#include "emulator/order.hpp"
#include "findings.hpp"

using namespace densq::device;
using namespace densq::test;
using densq::emulator::Access;
using densq::emulator::Order;

namespace {

constexpr uint32_t kBlocks = 3;

enum class Missing { kNothing, kRelease, kBarrier, kAcquire };

DENSQ_DEVICE void add_partials(float *out, uint32_t *counters, Missing missing) {
    DENSQ_SHARED(uint32_t, ticket, 1);
    store(out + (thread_block_index().x + 1) * kThreads + thread_index(), 1);
    if (missing != Missing::kRelease) fence_device();
    if (missing != Missing::kBarrier) sync_thread_block();
    if (thread_index() == 0) ticket.store(0, atomic_ticket(counters, kBlocks - 1));
    sync_thread_block();
    if (ticket.load(0) != kBlocks - 1) return;
    if (missing != Missing::kAcquire) fence_device();
    float sum = 0;
    for (uint32_t i = 1; i <= kBlocks; ++i) sum += load(out + i * kThreads + thread_index());
    store(out + thread_index(), sum);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void without_release(float *out, const float *, uint32_t *counters) {
    add_partials(out, counters, correct ? Missing::kNothing : Missing::kRelease);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void without_barrier(float *out, const float *, uint32_t *counters) {
    add_partials(out, counters, correct ? Missing::kNothing : Missing::kBarrier);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void without_acquire(float *out, const float *, uint32_t *counters) {
    add_partials(out, counters, correct ? Missing::kNothing : Missing::kAcquire);
}

// One thread's fence behind the barrier covers the stores of all before it.
template <bool correct>
DENSQ_KERNEL(64, 1)
void fence_of_one_thread(float *out, const float *, uint32_t *counters) {
    DENSQ_SHARED(uint32_t, ticket, 1);
    store(out + (thread_block_index().x + 1) * kThreads + thread_index(), 1);
    if (correct) sync_thread_block();
    if (thread_index() == 0) {
        fence_device();
        ticket.store(0, atomic_ticket(counters, kBlocks - 1));
        fence_device();
    }
    sync_thread_block();
    if (ticket.load(0) != kBlocks - 1) return;
    for (uint32_t i = 1; i <= kBlocks; ++i) load(out + i * kThreads + thread_index());
}

}  // namespace

TEST_CASE("partial sums of other thread blocks") {
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, without_release);
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, without_barrier);
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, without_acquire);
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, fence_of_one_thread);
}

TEST_CASE("sync_warp orders the lanes in its mask alone, up to then") {
    Order order;
    order.begin_launch();
    order.begin_thread_block(64);
    const Access early = order.access(1, {});
    order.sync_warp(0, 0x0000000F);
    CHECK(order.before(early, 0));
    CHECK(order.before(early, 3));
    CHECK(!order.before(early, 4));
    CHECK(!order.before(early, 32));
    order.sync_warp(0, 0x00000018);  // hands on what lane 3 knows
    CHECK(order.before(early, 4));
    CHECK(!order.before(early, 5));
    const Access late = order.access(1, {});
    CHECK(!order.before(late, 0));
    CHECK(order.before(late, 1));
    order.sync_thread_block();
    CHECK(order.before(late, 40));
}

TEST_CASE("accesses of several lanes are before another when all of them are") {
    Order order;
    order.begin_launch();
    order.begin_thread_block(64);
    Access reads = order.access(0, {});
    order.sync_warp(0, kAllLanes);
    CHECK(order.before(reads, 2));
    reads.merge(order.access(1, {}));
    CHECK(!order.before(reads, 2));
    CHECK(!order.before(reads, 0));
    order.sync_warp(0, kAllLanes);
    CHECK(order.before(reads, 2));
    reads.merge(order.access(33, {}));
    CHECK(!order.before(reads, 2));
    CHECK(!order.before(reads, 33));
    order.sync_thread_block();
    CHECK(order.before(reads, 2));
}

TEST_CASE("reads of several warps are published by a fence behind a barrier alone") {
    for (const bool barrier : {false, true}) {
        uint32_t counter = 0;
        Order order;
        order.begin_launch();
        order.begin_thread_block(64);
        Access reads = order.access(0, {});
        reads.merge(order.access(32, {}));
        if (barrier) order.sync_thread_block();
        order.fence(0);
        order.fence(32);
        order.atomic(0, &counter);
        order.begin_thread_block(64);
        order.atomic(0, &counter);
        order.fence(0);
        CHECK(order.before(reads, 0) == barrier);
        order.begin_launch();
        order.begin_thread_block(64);
        CHECK(order.before(reads, 0));
    }
}

TEST_CASE("a counter orders only the thread blocks that use it") {
    uint32_t counters[2] = {};
    for (const bool same : {true, false}) {
        Order order;
        order.begin_launch();
        order.begin_thread_block(32);
        const Access stored = order.access(0, {});
        order.fence(0);
        order.atomic(0, &counters[0]);
        order.begin_thread_block(32);
        order.atomic(5, &counters[same ? 0 : 1]);
        CHECK(!order.before(stored, 5));
        order.fence(5);
        CHECK(order.before(stored, 5) == same);
        CHECK(!order.before(stored, 6));
        order.sync_thread_block();
        CHECK(order.before(stored, 6) == same);
        order.begin_thread_block(32);  // has acquired nothing itself
        CHECK(!order.before(stored, 6));
    }
}
