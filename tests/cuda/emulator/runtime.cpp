// SPDX-License-Identifier: MIT
// runtime.cpp - each word of the vocabulary, in terms of the thread block that runs.
#include "runtime.hpp"

#include <cstring>

#include "thread_block.hpp"

namespace densq::emulator::runtime {

using device::kAllLanes;

uint32_t thread_index() { return ThreadBlock::current().self().index; }
Dim thread_block_index() { return ThreadBlock::current().index(); }
const LaunchShape &launch_shape() { return ThreadBlock::current().launch_shape(); }

SharedRange static_array(const void *key, size_t size, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    return block.shared.static_array(block, key, size, site);
}

SharedRange dynamic_array(uint32_t first_byte, size_t size, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    return block.shared.dynamic_array(block, first_byte, size, site);
}

void shared_load(SharedRange array, uint64_t offset, void *to, size_t size, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    block.maybe_switch();
    block.shared.load(block, array, offset, to, size, site);
}

void shared_store(SharedRange array, uint64_t offset, const void *from, size_t size, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    block.maybe_switch();
    block.shared.store(block, array, offset, from, size, site);
}

void global_load(const void *from, void *to, size_t size, GlobalWord word, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    block.maybe_switch();
    if (block.machine.global.check_load(block, from, size, word, site))
        std::memcpy(to, from, size);
    else
        std::memset(to, 0, size);
}

void global_store(void *to, const void *from, size_t size, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    block.maybe_switch();
    if (block.machine.global.check_store(block, to, size, site)) std::memcpy(to, from, size);
}

void copy_async(SharedRange array, uint64_t offset, const void *from, bool valid, Site site) {
    constexpr size_t kSize = 16;
    ThreadBlock &block = ThreadBlock::current();
    block.maybe_switch();
    if (valid && !block.machine.global.check_load(block, from, kSize, GlobalWord::kStreaming, site))
        valid = false;
    AsyncCopy copy = {{}, valid ? from : nullptr, site};
    if (block.shared.begin_async(block, array, offset, &copy.to, site))
        block.self().uncommitted.push_back(copy);
}

void copy_async_commit() {
    Thread &thread = ThreadBlock::current().self();
    thread.groups.push_back(std::move(thread.uncommitted));
    thread.uncommitted.clear();
}

void copy_async_wait(size_t groups, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    Thread &thread = block.self();
    while (thread.groups.size() > groups) {
        for (const AsyncCopy &copy : thread.groups.front())
            block.shared.end_async(block, copy.to, copy.from, site);
        thread.groups.pop_front();
    }
}

void sync_thread_block(Site site) { ThreadBlock::current().sync_thread_block(site); }

uint32_t warp_word(WarpWord word, uint32_t mask, uint32_t value, uint32_t argument, Site site) {
    ThreadBlock &block = ThreadBlock::current();
    if (argument >= device::kWarpThreads) {
        block.add_finding(Kind::kBadArgument, site, "lane or distance " + std::to_string(argument));
        block.give_up();
    }
    Collective collective = {word, mask, site, value, argument};
    return block.take_part(collective);
}

void warp_mma(const MmaOperands &operands, Site site) {
    Collective collective = {WarpWord::kMma, kAllLanes, site};
    collective.operands = &operands;
    ThreadBlock::current().take_part(collective);
}

void fence_device() {
    ThreadBlock &block = ThreadBlock::current();
    block.machine.order.fence(block.self().index);
}

namespace {

template <typename Next>
uint32_t atomic(uint32_t *counter, Site site, const Next &next) {
    ThreadBlock &block = ThreadBlock::current();
    block.maybe_switch();
    if (!block.machine.global.check_atomic(block, counter, site)) return 0;
    block.machine.order.atomic(block.self().index, counter);
    const uint32_t before = *counter;
    *counter = next(before);
    return before;
}

}  // namespace

uint32_t atomic_add(uint32_t *counter, uint32_t n, Site site) {
    return atomic(counter, site, [n](uint32_t before) { return before + n; });
}

uint32_t atomic_ticket(uint32_t *counter, uint32_t last, Site site) {
    return atomic(counter, site,
                  [last](uint32_t before) { return before >= last ? 0 : before + 1; });
}

}  // namespace densq::emulator::runtime
