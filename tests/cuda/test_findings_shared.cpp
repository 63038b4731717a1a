// SPDX-License-Identifier: MIT
// test_findings_shared.cpp - what kernels do wrong in shared memory is found; each kernel without
// its mistake gives no finding.
#include <doctest/doctest.h>

#include "findings.hpp"

using namespace densq::device;
using namespace densq::test;

namespace {

template <bool correct>
DENSQ_KERNEL(64, 1)
void two_writers(float *out) {
    DENSQ_SHARED(float, cell, 2);
    if (lane_index() == 0) cell.store(correct ? warp_index() : 0, 1);
    sync_thread_block();
    store(out + thread_index(), cell.load(0));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void read_after_write(float *out) {
    DENSQ_SHARED(float, values, 64);
    values.store(thread_index(), 1);
    if (correct) sync_thread_block();
    store(out + thread_index(), values.load(thread_index() ^ 32));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void write_after_read(float *out) {
    DENSQ_SHARED(float, values, 64);
    values.store(thread_index(), 1);
    sync_thread_block();
    const float other = values.load(63 - thread_index());
    if (correct) sync_thread_block();
    values.store(thread_index(), 2);
    store(out + thread_index(), other);
}

// A shuffle makes lanes wait for each other but orders no memory accesses.
template <bool correct>
DENSQ_KERNEL(64, 1)
void within_warp(float *out) {
    DENSQ_SHARED(float, values, 64);
    values.store(thread_index(), shuffle_xor(1.0f, 1));
    warp_ballot(true);
    if (correct) sync_warp();
    store(out + thread_index(), values.load(thread_index() ^ 1));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void within_warp_again(float *out) {
    DENSQ_SHARED(float, values, 64);
    values.store(thread_index(), 1);
    sync_warp();
    store(out + thread_index(), values.load(thread_index() ^ 1));
    if (correct) sync_warp();
    values.store(thread_index(), 2);
}

// Both warps read; the barrier of one of them does not speak for the other.
template <bool correct>
DENSQ_KERNEL(64, 1)
void write_after_reads_of_all(float *out) {
    DENSQ_SHARED(float, cell, 1);
    if (thread_index() == 0) cell.store(0, 1);
    sync_thread_block();
    store(out + thread_index(), cell.load(0));
    sync_warp();
    if (correct) sync_thread_block();
    if (thread_index() == 0) cell.store(0, 2);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void sync_warp_across_warps(float *out) {
    DENSQ_SHARED(float, values, 64);
    values.store(thread_index(), 1);
    sync_warp();
    store(out + thread_index(), values.load(thread_index() ^ (correct ? 31 : 32)));
}

// Half a warp synchronises: its own lanes are ordered, the others are not.
template <bool correct>
DENSQ_KERNEL(64, 1)
void sync_half_warp(float *out) {
    DENSQ_SHARED(float, values, 64);
    values.store(thread_index(), 1);
    sync_warp(lane_index() < 16 ? 0x0000FFFFu : 0xFFFF0000u);
    store(out + thread_index(), values.load(thread_index() ^ (correct ? 15 : 16)));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void store_behind_array(float *out) {
    DENSQ_SHARED(float, values, 64);
    DENSQ_SHARED(float, neighbours, 64);
    neighbours.store(thread_index(), 0);
    sync_thread_block();
    values.store(thread_index() + (correct ? 0 : 1), 1);
    store(out + thread_index(), neighbours.load(thread_index()));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void load_behind_view(float *out) {
    const Shared<float> values = dynamic_shared<float>(0, 64).from(32);
    if (warp_index() == 0) values.store(lane_index(), correct ? 1.0f : values.load(32));
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void array_behind_dynamic_bytes(float *out) {
    const Shared<float> values = dynamic_shared<float>(correct ? 0 : 16, 64);
    values.store(thread_index(), 1);
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void arrays_too_large(float *out) {
    DENSQ_SHARED(float, values, (correct ? 12 : 16) << 10);
    values.store(thread_index(), 1);
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void misaligned(float *out) {
    DENSQ_SHARED(float, values, 260);
    values.store_u32x4(4 * thread_index() + (correct ? 0 : 2), {1, 2, 3, 4});
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void uninitialised(float *out) {
    DENSQ_SHARED(float, values, 64);
    if (correct || thread_index() != 13) values.store(thread_index(), 1);
    sync_thread_block();
    store(out + thread_index(), values.load(63 - thread_index()));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void async_without_wait(float *out, const float *in) {
    DENSQ_SHARED(float, values, 256);
    copy_async(values, 4 * thread_index(), in + 4 * thread_index());
    copy_async_commit();
    if (correct) copy_async_wait<0>();
    sync_thread_block();
    store(out + thread_index(), values.load(thread_index()));
    sync_thread_block();
    copy_async_wait<0>();
}

// The second group is read though only the first was waited for.
template <bool correct>
DENSQ_KERNEL(64, 1)
void async_wait_too_few(float *out, const float *in) {
    DENSQ_SHARED(float, values, 512);
    for (uint32_t stage = 0; stage < 2; ++stage) {
        copy_async(values, 256 * stage + 4 * thread_index(), in + 4 * thread_index());
        copy_async_commit();
    }
    copy_async_wait<correct ? 0 : 1>();
    sync_thread_block();
    store(out + thread_index(), values.load(256 + thread_index()));
    sync_thread_block();
    copy_async_wait<0>();
}

// copy_async_wait is no barrier: other threads' copies may still be under way.
template <bool correct>
DENSQ_KERNEL(64, 1)
void async_without_barrier(float *out, const float *in) {
    DENSQ_SHARED(float, values, 256);
    copy_async(values, 4 * thread_index(), in + 4 * thread_index());
    copy_async_commit();
    copy_async_wait<0>();
    if (correct) sync_thread_block();
    store(out + thread_index(), values.load(255 - thread_index()));
}

// A barrier before the wait does not help.
template <bool correct>
DENSQ_KERNEL(64, 1)
void async_barrier_too_early(float *out, const float *in) {
    DENSQ_SHARED(float, values, 256);
    copy_async(values, 4 * thread_index(), in + 4 * thread_index());
    copy_async_commit();
    if (!correct) sync_thread_block();
    copy_async_wait<0>();
    warp_ballot(true);
    if (correct) sync_thread_block();
    store(out + thread_index(), values.load(4 * (thread_index() ^ 1)));
}

// All lanes have read, but in no order with the copies.
template <bool correct>
DENSQ_KERNEL(64, 1)
void async_overwrites_unread(float *out, const float *in) {
    DENSQ_SHARED(float, values, 256);
    values.store_u32x4(4 * thread_index(), {});
    sync_warp();
    store(out + thread_index(), values.load(4 * (thread_index() ^ 1)));
    warp_ballot(true);
    if (correct) sync_warp();
    copy_async(values, 4 * thread_index(), in + 4 * thread_index());
    copy_async_commit();
    copy_async_wait<0>();
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void async_unfinished(float *out, const float *in) {
    DENSQ_SHARED(float, values, 256);
    copy_async(values, 4 * thread_index(), in + 4 * thread_index());
    if (correct) copy_async_commit();
    copy_async_wait<0>();
    store(out + thread_index(), 1);
}

}  // namespace

TEST_CASE("races in shared memory") {
    CHECK_FINDS(Kind::kRace, two_writers);
    CHECK_FINDS(Kind::kRace, read_after_write);
    CHECK_FINDS(Kind::kRace, write_after_read);
    CHECK_FINDS(Kind::kRace, within_warp);
    CHECK_FINDS(Kind::kRace, within_warp_again);
    CHECK_FINDS(Kind::kRace, write_after_reads_of_all);
    CHECK_FINDS(Kind::kRace, sync_warp_across_warps);
    CHECK_FINDS(Kind::kRace, sync_half_warp);
}

TEST_CASE("shared memory out of bounds") {
    CHECK_FINDS(Kind::kSharedBounds, store_behind_array);
    CHECK_FINDS(Kind::kSharedBounds, load_behind_view);
    CHECK_FINDS(Kind::kSharedBounds, array_behind_dynamic_bytes);
    CHECK_FINDS(Kind::kSharedBounds, arrays_too_large);
    CHECK_FINDS(Kind::kMisaligned, misaligned);
}

TEST_CASE("uninitialised shared memory") { CHECK_FINDS(Kind::kUninitialised, uninitialised); }

TEST_CASE("asynchronous copies") {
    CHECK_FINDS(Kind::kAsyncPending, async_without_wait);
    CHECK_FINDS(Kind::kAsyncPending, async_wait_too_few);
    CHECK_FINDS(Kind::kRace, async_barrier_too_early);
    CHECK_FINDS(Kind::kRace, async_overwrites_unread);
    CHECK_FINDS(Kind::kAsyncUnfinished, async_unfinished);
    CHECK_FINDS_ANY(async_without_barrier);  // which of two kinds depends on the order
}
