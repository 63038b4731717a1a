// SPDX-License-Identifier: MIT
// runtime.hpp - what the emulated vocabulary (device_emulated.h) calls.
#pragma once
#include <functional>
#include <string>

#include "kernels/cuda/launch_shape.hpp"
#include "report.hpp"

namespace densq::emulator {

using device::LaunchShape;

// Bytes [begin, end) of a block's shared memory.
struct SharedRange {
    uint64_t begin = 0, end = 0;
};

enum class WarpWord { kSync, kShuffle, kShuffleXor, kShuffleDown, kBallot, kMma };
enum class GlobalWord { kStreaming, kReadonly, kPlain };

struct MmaOperands {
    float *sum;         // [4]
    const uint32_t *a;  // [4]
    const uint32_t *b;  // [2]
};

namespace runtime {

int launch(std::string kernel, const LaunchShape &shape, const std::function<void()> &work);

uint32_t thread_index();
Dim thread_block_index();
const LaunchShape &launch_shape();

SharedRange static_array(const void *key, size_t size, Site site);
SharedRange dynamic_array(uint32_t first_byte, size_t size, Site site);
// `size` bytes at `offset` from the array's begin.
void shared_load(SharedRange array, uint64_t offset, void *to, size_t size, Site site);
void shared_store(SharedRange array, uint64_t offset, const void *from, size_t size, Site site);

void global_load(const void *from, void *to, size_t size, GlobalWord word, Site site);
void global_store(void *to, const void *from, size_t size, Site site);

void copy_async(SharedRange array, uint64_t offset, const void *from, bool valid, Site site);
void copy_async_commit();
void copy_async_wait(size_t groups, Site site);

void sync_thread_block(Site site);
uint32_t warp_word(WarpWord word, uint32_t mask, uint32_t value, uint32_t argument, Site site);
void warp_mma(const MmaOperands &operands, Site site);

void fence_device();
uint32_t atomic_add(uint32_t *counter, uint32_t n, Site site);
uint32_t atomic_ticket(uint32_t *counter, uint32_t last, Site site);

}  // namespace runtime
}  // namespace densq::emulator
