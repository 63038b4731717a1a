// SPDX-License-Identifier: MIT
// every_word.hpp - one kernel that uses all of kernels/cuda/device_words.hpp, so that nvcc and the
// emulator cannot come to disagree on what the words are.
#pragma once
#include "kernels/cuda/device_words.hpp"

namespace densq::test {

using namespace densq::device;

constexpr LaunchShape kEveryWordShape = {
    .grid = {2, 3}, .threads = 128, .dynamic_shared_bytes = 128 * (16 + 4)};

struct EveryWordBuffers {
    const uint32_t *words;   // [128]
    const U32x2 *pairs;      // [128]
    const U32x4 *quads;      // [128]
    const uint16_t *halves;  // [128]
    uint32_t *counters;      // [2]
    float *sums;             // [blocks][128]
    U32x4 *results;          // [blocks][128]
};

DENSQ_HOST_DEVICE uint32_t linear_block(Dim block, Dim grid) {
    return (block.z * grid.y + block.y) * grid.x + block.x;
}

template <int groups>
DENSQ_KERNEL(128, 2)
void every_word(EveryWordBuffers buffers, uint32_t valid) {
    DENSQ_SHARED(uint16_t, table, 15 * 128);
    const Shared<uint32_t> stage = shared_as<uint32_t>(dynamic_shared<U32x4>(0, 128));
    const Shared<float> partial = dynamic_shared<float>(128 * 16, 128);
    const uint32_t thread = thread_index(), lane = lane_index();

    copy_async(stage, thread * 4, buffers.quads + thread, thread < valid);
    copy_async_commit();
    table.store(thread, load_readonly(buffers.halves + thread));
    table.store_u32(128 + 2 * thread, load_streaming(buffers.words + thread));
    table.from(384).store_u32x2(4 * thread, load_streaming(buffers.pairs + thread));
    table.store_u32x4(896 + 8 * thread, load_streaming(buffers.quads + thread));
    copy_async_wait<groups>();
    sync_thread_block();

    const U32x4 quad = table.load_u32x4(896 + 8 * (thread ^ 64));
    const U32x2 pair = table.load_u32x2(384 + 4 * (thread ^ 64));
    uint32_t a[4] = {quad.x, quad.y, quad.z, quad.w};
    uint32_t b[2] = {pair.x, pair.y};
    float sum[4] = {0, 0, 0, 0};
    DENSQ_DEVICE_UNROLL
    for (int i = 0; i < 4; ++i) {
        const uint32_t mixed = byte_permute(a[i], stage.load(thread), table.load_u32(2 * lane));
        a[i] = half2_fused_multiply_add(funnel_shift_right(mixed, a[i], 3), b[0], high_half(b[1]));
        a[i] = half2_add(half2_multiply(a[i], mixed), half2_broadcast(table.load(lane)));
    }
    mma_m16n8k16(sum, a, b);

    a[0] = half2_from_floats(sum[0], float_from_low_half(a[0]));
    a[1] = half2_from_halves(half_from_float(sum[1]), bf16_from_float(sum[2]));
    sum[0] = fused_multiply_add(float_from_high_half(a[0]), float_from_half(table.load(0)),
                                float_from_bf16(table.load(1)));
    sum[0] += float_from_bits(shuffle(bits_from_float(sum[1]), lane ^ 5));
    sum[0] += shuffle_xor(sum[0], 16) + shuffle_down(sum[0], 1);
    partial.store(thread, sum[0]);
    sync_warp();
    if (warp_ballot(sum[0] > 1) == 0) sync_warp(kAllLanes);

    const uint32_t at =
        linear_block(thread_block_index(), grid_size()) * thread_block_size() + thread;
    store(buffers.sums + at, partial.load(thread ^ 1));
    fence_device();
    if (lane == 0) atomic_add(buffers.counters, atomic_ticket(buffers.counters + 1, warp_index()));
    store(buffers.results + at, U32x4{a[0], a[1], bits_from_float(load(buffers.sums + at)), a[3]});
}

}  // namespace densq::test
