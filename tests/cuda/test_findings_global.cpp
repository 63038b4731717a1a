// SPDX-License-Identifier: MIT
// test_findings_global.cpp - what kernels do wrong in global memory is found; each kernel without
// its mistake gives no finding.
#include <doctest/doctest.h>

#include "findings.hpp"

using namespace densq::device;
using namespace densq::test;

namespace {

template <bool correct>
DENSQ_KERNEL(64, 1)
void store_behind_buffer(float *out) {
    store(out + 3 * kThreads + thread_index() + (correct ? 0 : 1), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void store_before_buffer(float *out) {
    store(out + thread_index() - (correct ? 0 : 1), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void load_behind_buffer(float *out, const float *in) {
    store(out + thread_index(), load(in + 3 * kThreads + thread_index() + (correct ? 0 : 1)));
}

// The last of the four words lies behind the buffer.
template <bool correct>
DENSQ_KERNEL(64, 1)
void wide_load_behind_buffer(float *out, const float *in) {
    const auto *quads = reinterpret_cast<const U32x4 *>(in);
    const U32x4 quad = load_streaming(quads + thread_index() + !correct);
    store(out + thread_index(), float_from_bits(quad.w));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void copy_from_behind_buffer(float *out, const float *in) {
    DENSQ_SHARED(float, values, 256);
    const uint32_t i = thread_index() + 1;
    copy_async(values, 4 * thread_index(), in + 4 * i, i < kThreads || !correct);
    copy_async_commit();
    copy_async_wait<0>();
    store(out + thread_index(), values.load(4 * thread_index()));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void store_to_input(float *out, const float *in) {
    store(correct ? out + thread_index() : const_cast<float *>(in) + thread_index(), 1);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void misaligned_load(float *out, const float *in) {
    const auto *pair = reinterpret_cast<const U32x2 *>(in + 2 * thread_index() + (correct ? 0 : 1));
    store(out + thread_index(), float_from_bits(load_readonly(pair).x));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void uninitialised_load(float *out) {
    store(out + thread_index(), 1);
    const float value = load(out + thread_index() + (correct ? 0 : 2 * kThreads));
    store(out + kThreads + thread_index(), value);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void readonly_load_of_written(float *out) {
    store(out + thread_index(), 1);
    const float value = correct ? load(out + thread_index()) : load_readonly(out + thread_index());
    store(out + kThreads + thread_index(), value);
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void race_within_block(float *out) {
    store(out + thread_index(), 1);
    if (correct) sync_thread_block();
    store(out + kThreads + thread_index(), load(out + kThreads - 1 - thread_index()));
}

template <bool correct>
DENSQ_KERNEL(64, 1)
void race_between_blocks(float *out) {
    store(out + thread_index() + (correct ? thread_block_index().x * kThreads : 0), 1);
}

}  // namespace

TEST_CASE("global memory out of bounds") {
    CHECK_FINDS(Kind::kGlobalBounds, store_behind_buffer);
    CHECK_FINDS(Kind::kGlobalBounds, store_before_buffer);
    CHECK_FINDS(Kind::kGlobalBounds, load_behind_buffer);
    CHECK_FINDS(Kind::kGlobalBounds, wide_load_behind_buffer);
    CHECK_FINDS(Kind::kGlobalBounds, copy_from_behind_buffer);
    CHECK_FINDS(Kind::kGlobalBounds, store_to_input);
    CHECK_FINDS(Kind::kMisaligned, misaligned_load);
}

TEST_CASE("loads of what is not there") {
    CHECK_FINDS(Kind::kUninitialised, uninitialised_load);
    CHECK_FINDS(Kind::kReadOnly, readonly_load_of_written);
}

TEST_CASE("races in global memory") {
    CHECK_FINDS(Kind::kRace, race_within_block);
    CHECK_FINDS_IN_BLOCKS(3, Kind::kRace, race_between_blocks);
}
