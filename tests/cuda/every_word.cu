// SPDX-License-Identifier: MIT
// every_word.cu - one kernel that uses all of kernels/cuda/device.hpp; only ever compiled.
#include "kernels/cuda/device.hpp"

using namespace densq::device;

namespace {

struct Buffers {
    const uint32_t *words;
    const U32x2 *pairs;
    const U32x4 *quads;
    const uint16_t *halves;
    float *sums;
    uint32_t *counter;
    U32x4 *results;
};

DENSQ_HOST_DEVICE uint32_t quads_of(uint32_t words) { return words / 4; }

template <int groups>
DENSQ_KERNEL(128, 2)
void every_word(Buffers buffers, uint32_t words) {
    DENSQ_SHARED(uint16_t, table, 512);
    const Shared<float> partial = dynamic_shared<float>(0, 128);
    const Shared<uint32_t> stage = shared_as<uint32_t>(dynamic_shared<U32x4>(512, 128));
    const uint32_t thread = thread_index(), lane = lane_index();

    for (uint32_t i = thread; i < quads_of(words); i += block_threads())
        copy_async(stage, thread * 4, buffers.quads + i, i < words - 3);
    copy_async(stage, thread * 4, buffers.quads);
    copy_async_commit();
    table.store(thread, load_readonly(buffers.halves + thread));
    table.store_u32(2 * thread, load_streaming(buffers.words + thread));
    table.from(128).store_u32x2(4 * lane, load_streaming(buffers.pairs + thread));
    table.store_u32x4(256 + 8 * lane, load_streaming(buffers.quads + thread));
    copy_async_wait<groups>();
    sync_block();

    const U32x4 quad = table.load_u32x4(8 * lane);
    const U32x2 pair = table.load_u32x2(4 * lane);
    uint32_t a[4] = {quad.x, quad.y, quad.z, quad.w};
    uint32_t b[2] = {pair.x, pair.y};
    float sum[4] = {load(buffers.sums), 0, 0, 0};
    DENSQ_DEVICE_UNROLL
    for (int i = 0; i < 4; ++i) {
        const uint32_t mixed = byte_permute(a[i], stage.load(thread), table.load_u32(2 * thread));
        a[i] = half2_fused_multiply_add(funnel_shift_right(mixed, a[i], 3), b[0], b[1]);
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
    if (warp_ballot(sum[0] > 1) == kAllLanes) sync_warp(kAllLanes);

    const uint32_t block = block_index().x + grid_size().x * (block_index().y + block_index().z);
    store(buffers.sums + block * 4 + warp_index(), partial.load(thread ^ 1));
    fence_device();
    if (thread == 0) atomic_add(buffers.counter, atomic_ticket(buffers.counter + 1, grid_size().x));
    store(buffers.results + thread, U32x4{a[0], a[1], a[2], a[3]});
}

}  // namespace

int launch_every_word(void *stream);

int launch_every_word(void *stream) {
    const LaunchShape shape = {.grid = {2, 3}, .threads = 128, .dynamic_shared_bytes = 64 << 10};
    return launch<every_word<1>>(shape, stream, Buffers{}, 128u);
}
