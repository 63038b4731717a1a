// SPDX-License-Identifier: MIT
// test_order.cpp - partial sums of blocks, added by the block that is last: each link of the chain
// from a store to the load in another block is missed if it is not there.
#include <doctest/doctest.h>

#include "emulator/order.hpp"
#include "findings.hpp"

using namespace densq::device;
using namespace densq::test;

namespace {

constexpr uint32_t kBlocks = 3;

enum class Missing { kNothing, kRelease, kBarrier, kAcquire };

DENSQ_DEVICE void add_partials(float *out, uint32_t *counters, Missing missing) {
    DENSQ_SHARED(uint32_t, ticket, 1);
    store(out + (block_index().x + 1) * kThreads + thread_index(), 1);
    if (missing != Missing::kRelease) fence_device();
    if (missing != Missing::kBarrier) sync_block();
    if (thread_index() == 0) ticket.store(0, atomic_ticket(counters, kBlocks - 1));
    sync_block();
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
    store(out + (block_index().x + 1) * kThreads + thread_index(), 1);
    if (correct) sync_block();
    if (thread_index() == 0) {
        fence_device();
        ticket.store(0, atomic_ticket(counters, kBlocks - 1));
        fence_device();
    }
    sync_block();
    if (ticket.load(0) != kBlocks - 1) return;
    for (uint32_t i = 1; i <= kBlocks; ++i) load(out + i * kThreads + thread_index());
}

}  // namespace

TEST_CASE("partial sums of other blocks") {
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, without_release);
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, without_barrier);
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, without_acquire);
    CHECK_FINDS_IN_BLOCKS(kBlocks, Kind::kRace, fence_of_one_thread);
}

TEST_CASE("a counter orders only the blocks that use it") {
    using densq::emulator::Access;
    uint32_t counters[2] = {};
    for (const bool same : {true, false}) {
        densq::emulator::Order order;
        order.begin_launch();
        order.begin_block(32);
        const Access stored = order.access(0, {});
        order.fence(0);
        order.atomic(0, &counters[0]);
        order.begin_block(32);
        order.atomic(5, &counters[same ? 0 : 1]);
        CHECK(!order.before(stored, 5));
        order.fence(5);
        CHECK(order.before(stored, 5) == same);
        CHECK(!order.before(stored, 6));
        order.sync_block();
        CHECK(order.before(stored, 6) == same);
    }
}
