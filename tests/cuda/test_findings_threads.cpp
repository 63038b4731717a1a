// SPDX-License-Identifier: MIT
// test_findings_threads.cpp - threads that do not come together where they must; launches.
#include <doctest/doctest.h>

#include <algorithm>

#include "findings.hpp"

using namespace densq::device;
using namespace densq::test;

namespace {

template <bool correct>
DENSQ_KERNEL(64, 1)
void barrier_in_branch(float *out) {
    if (correct || thread_index() % 2) sync_thread_block();
    store(out + thread_index(), shuffle_xor(1.0f, 1));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void different_barriers(float *out) {
    if (correct || warp_index() == 0)
        sync_thread_block();
    else
        sync_thread_block();
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void exit_before_barrier(float *out) {
    store(out + thread_index(), 1);
    if (!correct && thread_index() == 40) return;
    sync_thread_block();
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void exit_before_shuffle(float *out) {
    if (!correct && thread_index() == 40) return;
    store(out + thread_index(), shuffle(1.0f, 2));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void shuffle_in_branch(float *out) {
    float value = 1;
    if (correct || lane_index() < 16) value = shuffle_xor(value, 1);
    sync_thread_block();
    store(out + thread_index(), value);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void different_words(float *out) {
    const bool down = !correct && lane_index() < 16;
    store(out + thread_index(), down ? shuffle_down(1.0f, 1) : shuffle_xor(1.0f, 1));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void different_places(float *out) {
    float value = 1;
    if (correct || lane_index() < 16)
        value = shuffle_xor(value, 1);
    else
        value = shuffle_xor(value, 1);
    store(out + thread_index(), value);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void different_masks(float *out) {
    sync_warp(correct || lane_index() ? kAllLanes : 0x0000FFFFu);
    store(out + thread_index(), 1);
}

// Two lanes first synchronise on their own; without the mistake, with the others then.
template <bool correct>
DENSQ_KERNEL(64, 1)
void mask_of_some(float *out) {
    if (lane_index() < 2) sync_warp(3);
    if (correct || lane_index() >= 2) sync_warp();
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void mask_without_oneself(float *out) {
    sync_warp(correct ? kAllLanes : 0x0000FFFFu);
    store(out + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void lane_beyond_warp(float *out) {
    store(out + thread_index(), shuffle(1.0f, correct ? 31 : 32));
}

// Sums a warp's values in the order in which its lanes arrive at a counter.
DENSQ_KERNEL(64, 1) void sum_in_ticket_order(float *out, const float *in, uint32_t *counters) {
    DENSQ_SHARED(float, values, kThreads);
    const uint32_t ticket = atomic_add(counters, 1);
    values.store(ticket, load(in + thread_index()));
    sync_thread_block();
    float sum = 0;
    for (uint32_t i = 0; i < kThreads; ++i) sum += values.load(i);
    store(out + thread_index(), sum);
}

DENSQ_KERNEL(64, 1) void sum_in_lane_order(float *out, const float *in) {
    DENSQ_SHARED(float, values, kThreads);
    values.store(thread_index(), load(in + thread_index()));
    sync_thread_block();
    float sum = 0;
    for (uint32_t i = 0; i < kThreads; ++i) sum += values.load(i);
    store(out + thread_index(), sum);
}

DENSQ_KERNEL(64, 1) void order_of_blocks(float *out, const float *, uint32_t *counters) {
    if (thread_index()) return;
    store(out + thread_block_index().x, static_cast<float>(atomic_add(counters, 1)));
}

// How many different results seeds 0 to 9 give.
template <typename Kernel>
size_t results_over_seeds(Kernel kernel, uint32_t blocks = 1) {
    std::vector<std::vector<float>> results;
    for (uint64_t seed = 0; seed < 10; ++seed) {
        Emulator emulator({.seed = seed});
        Buffers buffers;
        for (size_t i = 0; i < buffers.in.size(); ++i)
            buffers.in[i] = 1 / (1 + static_cast<float>(i * 37 % 64));
        emulator.lend(buffers.out, Use::kOutput);
        emulator.lend(buffers.in, Use::kInput);
        emulator.lend(buffers.counters, Use::kInputOutput);
        CHECK(launch_on(kernel, {.grid = {blocks}, .threads = kThreads}, buffers) == 0);
        expect_none(emulator);
        if (std::find(results.begin(), results.end(), buffers.out) == results.end())
            results.push_back(buffers.out);
    }
    return results.size();
}

}  // namespace

TEST_CASE("barriers that not all threads reach") {
    CHECK_FINDS(Kind::kDivergence, barrier_in_branch);
    CHECK_FINDS(Kind::kDivergence, different_barriers);
    CHECK_FINDS(Kind::kEarlyExit, exit_before_barrier);
}

TEST_CASE("warps that do not come together") {
    CHECK_FINDS(Kind::kEarlyExit, exit_before_shuffle);
    CHECK_FINDS(Kind::kDivergence, shuffle_in_branch);
    CHECK_FINDS(Kind::kDivergence, different_words);
    CHECK_FINDS(Kind::kDivergence, different_places);
    CHECK_FINDS(Kind::kDivergence, different_masks);
    CHECK_FINDS(Kind::kEarlyExit, mask_of_some);
    CHECK_FINDS(Kind::kBadMask, mask_without_oneself);
    CHECK_FINDS(Kind::kBadArgument, lane_beyond_warp);
}

TEST_CASE("the seed changes the order of threads and thread blocks, and no results but of order") {
    CHECK(results_over_seeds(sum_in_lane_order) == 1);
    CHECK(results_over_seeds(sum_in_ticket_order) > 1);
    CHECK(results_over_seeds(order_of_blocks, 4) > 1);
}

TEST_CASE("launches that no GPU takes") {
    const LaunchShape wrong[] = {
        {.threads = 0},
        {.threads = 33},
        {.threads = 1056},
        {.grid = {0}},
        {.grid = {1, 65536}},
        {.grid = {1, 1, 65536}},
        {.dynamic_shared_bytes = (64 << 10) + 1},
    };
    for (const LaunchShape &shape : wrong) {
        Emulator emulator;
        Buffers buffers;
        CHECK(launch_on(sum_in_lane_order, shape, buffers) != 0);
        CHECK(emulator.count(Kind::kBadArgument) == 1);
    }
}

TEST_CASE("a finding names kernel, thread block, thread and place") {
    Emulator emulator;
    CHECK(launch<exit_before_barrier<true>>({.grid = {1, 2}, .threads = 32}, nullptr,
                                            static_cast<float *>(nullptr)) == 0);
    REQUIRE(emulator.findings().size() == 1);
    const auto &finding = emulator.findings()[0];
    CHECK(finding.kind == Kind::kGlobalBounds);
    CHECK(finding.kernel.find("exit_before_barrier") != std::string::npos);
    CHECK(finding.count == 64);
    CHECK(finding.text().find("test_findings_threads.cpp:") != std::string::npos);
    CHECK(finding.text().find("exit_before_barrier") != std::string::npos);
    CHECK(finding.text().find("out of bounds") != std::string::npos);
}
