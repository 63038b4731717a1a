// SPDX-License-Identifier: MIT
// test_words.cpp - each word of the vocabulary does on the emulator what device_words.hpp says.
#include <doctest/doctest.h>

#include <cstring>
#include <numeric>

#include "densq/half.h"
#include "emulator/emulator.hpp"
#include "every_word.hpp"
#include "kernels/cuda/device_words.hpp"

using namespace densq::device;
using densq::emulator::Emulator;
using densq::emulator::Use;

namespace {

DENSQ_DEVICE uint32_t linear_block() {
    const Dim block = thread_block_index(), grid = grid_size();
    return (block.z * grid.y + block.y) * grid.x + block.x;
}

DENSQ_KERNEL(64, 1) void write_indices(U32x4 *out) {
    const U32x4 indices = {thread_index(), warp_index(), lane_index(), linear_block()};
    store(out + linear_block() * thread_block_size() + thread_index(), indices);
}

template <typename Word>
DENSQ_KERNEL(32, 1)
void exchange(Word *out) {
    const Word mine = static_cast<Word>(100 + lane_index());
    store(out + lane_index(), shuffle(mine, (lane_index() * 7 + 3) % 32));
    store(out + 32 + lane_index(), shuffle_xor(mine, 9));
    store(out + 64 + lane_index(), shuffle_down(mine, 5));
}

DENSQ_KERNEL(32, 1) void vote(uint32_t *out) {
    store(out + lane_index(), warp_ballot(lane_index() % 3 == 1));
}

// Moves 16 * 32 bytes in and out of shared memory in every width.
DENSQ_KERNEL(32, 1) void move_bytes(const U32x4 *in, U32x4 *out) {
    DENSQ_SHARED(uint8_t, bytes, 512);
    const Shared<uint32_t> words = shared_as<uint32_t>(bytes);
    const Shared<U32x4> copy = dynamic_shared<U32x4>(32, 32);
    const uint32_t lane = lane_index();
    bytes.store_u32x4(16 * lane, load_readonly(in + lane));
    sync_warp();
    const U32x2 low = bytes.load_u32x2(16 * lane), high = words.load_u32x2(4 * lane + 2);
    copy.store(lane, {low.x, low.y, 0, 0});
    shared_as<uint32_t>(copy).from(2).store_u32x2(4 * lane, high);
    const U32x4 quad = copy.load_u32x4(lane);
    const bool same = bytes.load(16 * lane + 5) == (quad.y >> 8 & 0xFF) &&
                      words.load(4 * lane + 3) == quad.w && bytes.load_u32(16 * lane) == quad.x;
    words.from(4 * lane).store_u32(0, same ? quad.x : 0);
    store(out + lane, U32x4{words.load(4 * lane), quad.y, quad.z, quad.w});
}

DENSQ_KERNEL(32, 1) void load_every_way(const uint32_t *in, uint32_t *out) {
    const uint32_t lane = lane_index();
    const U32x2 pair = load_streaming(reinterpret_cast<const U32x2 *>(in + 32) + lane);
    const U32x4 quad = load_streaming(reinterpret_cast<const U32x4 *>(in) + lane);
    store(out + lane, load_streaming(in + lane) + load(in + lane) + load_readonly(in + lane) +
                          pair.x * pair.y + quad.x + quad.w);
}

DENSQ_KERNEL(32, 1) void copy_in_groups(const U32x4 *in, uint32_t *out) {
    const Shared<uint32_t> array = dynamic_shared<uint32_t>(0, 384);
    const uint32_t i = 4 * lane_index();
    copy_async(array, i, in + lane_index());
    copy_async_commit();
    copy_async(array, 128 + i, in + 32 + lane_index(), lane_index() % 2);
    copy_async_commit();
    copy_async(array.from(256), i, in + 64 + lane_index());
    copy_async_commit();
    copy_async_wait<2>();
    store(out + lane_index(), array.load(i));
    copy_async_wait<0>();
    store(out + 32 + lane_index(), array.load(128 + i));
    store(out + 64 + lane_index(), array.load(256 + i));
}

DENSQ_KERNEL(32, 1) void multiply_fragments(const uint16_t *a, const uint16_t *b, float *sums) {
    const uint32_t g = lane_index() / 4, t = lane_index() % 4;
    const auto pair_of_a = [&](uint32_t row, uint32_t column) {
        return half2_from_halves(load(a + row * 16 + column), load(a + row * 16 + column + 1));
    };
    const auto pair_of_b = [&](uint32_t row) {
        return half2_from_halves(load(b + row * 8 + g), load(b + (row + 1) * 8 + g));
    };
    const uint32_t a_part[4] = {pair_of_a(g, 2 * t), pair_of_a(g + 8, 2 * t),
                                pair_of_a(g, 2 * t + 8), pair_of_a(g + 8, 2 * t + 8)};
    const uint32_t b_part[2] = {pair_of_b(2 * t), pair_of_b(2 * t + 8)};
    float sum[4] = {1, 2, 3, 4};
    mma_m16n8k16(sum, a_part, b_part);
    for (uint32_t i = 0; i < 4; ++i) store(sums + (g + i / 2 * 8) * 8 + 2 * t + i % 2, sum[i]);
}

DENSQ_KERNEL(64, 1) void count(uint32_t *counters, uint32_t *tickets) {
    store(tickets + atomic_add(counters, 1), 1);
    atomic_ticket(counters + 1, 99);
}

template <typename T>
std::vector<T> rising(size_t count, T first = 0) {
    std::vector<T> values(count);
    std::iota(values.begin(), values.end(), first);
    return values;
}

// Launches on `emulator`, in which the buffers are, and expects no finding.
template <auto kernel, typename... Arguments>
void run(const Emulator &emulator, const LaunchShape &shape, Arguments... arguments) {
    CHECK(launch<kernel>(shape, nullptr, arguments...) == 0);
    CHECK_MESSAGE(emulator.findings().empty(), emulator.text());
}

}  // namespace

TEST_CASE("indices of threads and thread blocks") {
    Emulator emulator;
    std::vector<U32x4> out(2 * 3 * 4 * 64);
    emulator.lend(out, Use::kOutput);
    run<write_indices>(emulator, {.grid = {2, 3, 4}, .threads = 64}, out.data());
    for (uint32_t i = 0; i < out.size(); ++i) {
        CHECK(out[i].x == i % 64);
        CHECK(out[i].y == i % 64 / 32);
        CHECK(out[i].z == i % 32);
        CHECK(out[i].w == i / 64);
    }
}

TEST_CASE_TEMPLATE("shuffles", Word, uint32_t, float) {
    Emulator emulator;
    std::vector<Word> out(96);
    emulator.lend(out, Use::kOutput);
    run<exchange<Word>>(emulator, {}, out.data());
    for (uint32_t lane = 0; lane < 32; ++lane) {
        CHECK(out[lane] == static_cast<Word>(100 + (lane * 7 + 3) % 32));
        CHECK(out[32 + lane] == static_cast<Word>(100 + (lane ^ 9)));
        CHECK(out[64 + lane] == static_cast<Word>(100 + (lane + 5 < 32 ? lane + 5 : lane)));
    }
}

TEST_CASE("ballot") {
    Emulator emulator;
    std::vector<uint32_t> out(32);
    emulator.lend(out, Use::kOutput);
    run<vote>(emulator, {}, out.data());
    for (const uint32_t word : out) CHECK(word == 0x92492492);
}

TEST_CASE("shared memory in all widths") {
    Emulator emulator;
    const std::vector<uint32_t> in = rising<uint32_t>(128, 0x01020304);
    std::vector<uint32_t> out(128);
    emulator.lend(in, Use::kInput);
    emulator.lend(out, Use::kOutput);
    run<move_bytes>(emulator, {.dynamic_shared_bytes = 32 + 512},
                    reinterpret_cast<const U32x4 *>(in.data()),
                    reinterpret_cast<U32x4 *>(out.data()));
    CHECK(out == in);
}

TEST_CASE("global loads in all widths") {
    Emulator emulator;
    const std::vector<uint32_t> in = rising<uint32_t>(128);
    std::vector<uint32_t> out(32);
    emulator.lend(in, Use::kInput);
    emulator.lend(out, Use::kOutput);
    run<load_every_way>(emulator, {}, in.data(), out.data());
    for (uint32_t lane = 0; lane < 32; ++lane) {
        const uint32_t pair = 32 + 2 * lane;
        CHECK(out[lane] == 3 * lane + pair * (pair + 1) + 4 * lane + 4 * lane + 3);
    }
}

TEST_CASE("asynchronous copies") {
    Emulator emulator;
    const std::vector<uint32_t> in = rising<uint32_t>(384, 1);
    std::vector<uint32_t> out(96);
    emulator.lend(in, Use::kInput);
    emulator.lend(out, Use::kOutput);
    run<copy_in_groups>(emulator, {.dynamic_shared_bytes = 384 * 4},
                        reinterpret_cast<const U32x4 *>(in.data()), out.data());
    for (uint32_t i = 0; i < 96; ++i) CHECK(out[i] == (i / 32 == 1 && i % 2 == 0 ? 0 : in[4 * i]));
}

TEST_CASE("mma is the matrix product that its fragment map says") {
    Emulator emulator;
    std::vector<uint16_t> a, b;
    for (int i = 0; i < 16 * 16; ++i)
        a.push_back(densq_f32_to_f16(static_cast<float>(i * i % 41 - 20)));
    for (int i = 0; i < 16 * 8; ++i)
        b.push_back(densq_f32_to_f16(static_cast<float>(i * 7 % 29 - i % 5)));
    std::vector<float> sums(16 * 8);
    emulator.lend(a, Use::kInput);
    emulator.lend(b, Use::kInput);
    emulator.lend(sums, Use::kOutput);
    run<multiply_fragments>(emulator, {}, a.data(), b.data(), sums.data());
    for (uint32_t row = 0; row < 16; ++row) {
        for (uint32_t column = 0; column < 8; ++column) {
            float expected = static_cast<float>(1 + column % 2 + row / 8 * 2);
            for (uint32_t k = 0; k < 16; ++k)
                expected += densq_f16_to_f32(a[row * 16 + k]) * densq_f16_to_f32(b[k * 8 + column]);
            CHECK(sums[row * 8 + column] == expected);  // integers, so in any order
        }
    }
}

TEST_CASE("atomics count every thread once; a ticket begins anew behind the last") {
    Emulator emulator;
    std::vector<uint32_t> counters(2), tickets(192);
    emulator.lend(counters, Use::kInputOutput);
    emulator.lend(tickets, Use::kOutput);
    run<count>(emulator, {.grid = {3}, .threads = 64}, counters.data(), tickets.data());
    CHECK(counters == std::vector<uint32_t>{192, 92});
    CHECK(tickets == std::vector<uint32_t>(192, 1));
}

TEST_CASE("a kernel of all words, with the same results for all seeds") {
    using namespace densq::test;
    std::vector<float> first;
    for (const uint64_t seed : {1u, 2u, 3u, 4u}) {
        Emulator emulator({.seed = seed, .switch_at_accesses = seed % 2 == 0});
        const std::vector<uint32_t> words = rising<uint32_t>(128 * 4, 0x3A103B20);
        std::vector<uint32_t> counters(2);
        std::vector<float> sums(6 * 128);
        std::vector<U32x4> results(6 * 128);
        emulator.lend(words, Use::kInput);
        emulator.lend(counters, Use::kInputOutput);
        emulator.lend(sums, Use::kOutput);
        emulator.lend(results, Use::kOutput);
        const EveryWordBuffers buffers = {words.data(),
                                          reinterpret_cast<const U32x2 *>(words.data()),
                                          reinterpret_cast<const U32x4 *>(words.data()),
                                          reinterpret_cast<const uint16_t *>(words.data()),
                                          counters.data(),
                                          sums.data(),
                                          results.data()};
        run<every_word<0>>(emulator, kEveryWordShape, buffers, 100u);
        if (first.empty()) first = sums;
        CHECK(std::memcmp(first.data(), sums.data(), sums.size() * sizeof(float)) == 0);
    }
}
