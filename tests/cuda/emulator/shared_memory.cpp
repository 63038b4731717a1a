// SPDX-License-Identifier: MIT
#include "shared_memory.hpp"

#include <cstring>

#include "thread_block.hpp"

namespace densq::emulator {

namespace {

constexpr uint64_t kAlignment = 16;
constexpr std::byte kPoison{0xFF};  // NaN as a float or a half, and a large index

uint64_t aligned(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

std::string bytes_text(uint64_t begin, uint64_t size) {
    return "bytes " + std::to_string(begin) + " to " + std::to_string(begin + size - 1);
}

}  // namespace

SharedMemory::SharedMemory(uint32_t size)
    : dynamic_bytes(size), bytes(aligned(size), kPoison), shadow(aligned(size)) {}

SharedRange SharedMemory::static_array(ThreadBlock &block, const void *key, size_t size,
                                       Site site) {
    const auto found = static_arrays.find(key);
    if (found != static_arrays.end()) return found->second;
    const SharedRange array = {bytes.size(), bytes.size() + size};
    bytes.resize(aligned(array.end), kPoison);
    shadow.resize(bytes.size());
    static_arrays.emplace(key, array);
    if (bytes.size() > block.machine.options.shared_bytes)
        block.add_finding(
            Kind::kSharedBounds, site,
            std::to_string(bytes.size()) + " bytes of shared memory in a thread block");
    return array;
}

SharedRange SharedMemory::dynamic_array(ThreadBlock &block, uint32_t first_byte, size_t size,
                                        Site site) {
    const uint64_t end = first_byte + static_cast<uint64_t>(size);
    if (end <= dynamic_bytes) return {first_byte, end};
    block.add_finding(Kind::kSharedBounds, site,
                      "an array up to byte " + std::to_string(end) + " of " +
                          std::to_string(dynamic_bytes) + " dynamic bytes");
    return {0, 0};
}

bool SharedMemory::reachable(ThreadBlock &block, SharedRange array, uint64_t offset, size_t size,
                             Site site) const {
    if (array.begin + offset + size > array.end) {
        const uint64_t array_size = array.end > array.begin ? array.end - array.begin : 0;
        block.add_finding(
            Kind::kSharedBounds, site,
            bytes_text(offset, size) + " of an array of " + std::to_string(array_size) + " bytes");
        return false;
    }
    if ((array.begin + offset) % size) {
        block.add_finding(Kind::kMisaligned, site,
                          std::to_string(size) + " bytes at byte " + std::to_string(offset));
        return false;
    }
    return true;
}

void SharedMemory::check_read(ThreadBlock &block, uint64_t at, size_t size, Site site) {
    const uint32_t thread = block.self().index;
    const Order &order = block.machine.order;
    const Access now = order.access(thread, site);
    bool pending = false, undefined = false;
    const Access *collision = nullptr;
    for (uint64_t i = at; i < at + size; ++i) {
        ShadowByte &byte = shadow[i];
        pending |= byte.async_pending;
        undefined |= byte.write.epoch == 0 && !byte.async_pending;
        if (const Access *other = record_read(byte, order, now, thread)) collision = other;
    }
    if (pending)
        block.add_finding(Kind::kAsyncPending, site, "reads what copy_async is still writing");
    if (undefined)
        block.add_finding(Kind::kUninitialised, site,
                          "reads what nothing in this thread block wrote");
    if (collision && !pending)
        block.add_finding(Kind::kRace, site, "reads " + describe(*collision));
}

void SharedMemory::check_write(ThreadBlock &block, uint64_t at, size_t size, Site site) {
    const uint32_t thread = block.self().index;
    const Order &order = block.machine.order;
    const Access now = order.access(thread, site);
    bool pending = false;
    Access collision;
    for (uint64_t i = at; i < at + size; ++i) {
        ShadowByte &byte = shadow[i];
        pending |= byte.async_pending;
        if (const Access *other = collides_with_write(byte, order, thread)) collision = *other;
        record_write(byte, now);
    }
    if (pending)
        block.add_finding(Kind::kAsyncPending, site, "writes what copy_async is still writing");
    if (collision.epoch && !pending)
        block.add_finding(Kind::kRace, site, "writes " + describe(collision));
}

void SharedMemory::load(ThreadBlock &block, SharedRange array, uint64_t offset, void *to,
                        size_t size, Site site) {
    std::memset(to, 0, size);
    if (!reachable(block, array, offset, size, site)) return;
    check_read(block, array.begin + offset, size, site);
    std::memcpy(to, &bytes[array.begin + offset], size);
}

void SharedMemory::store(ThreadBlock &block, SharedRange array, uint64_t offset, const void *from,
                         size_t size, Site site) {
    if (!reachable(block, array, offset, size, site)) return;
    check_write(block, array.begin + offset, size, site);
    std::memcpy(&bytes[array.begin + offset], from, size);
}

bool SharedMemory::begin_async(ThreadBlock &block, SharedRange array, uint64_t offset,
                               SharedRange *written, Site site) {
    constexpr size_t kSize = 16;
    if (!reachable(block, array, offset, kSize, site)) return false;
    *written = {array.begin + offset, array.begin + offset + kSize};
    check_write(block, written->begin, kSize, site);
    for (uint64_t i = written->begin; i < written->end; ++i) {
        bytes[i] = kPoison;
        shadow[i].async_pending = true;
    }
    return true;
}

void SharedMemory::end_async(ThreadBlock &block, SharedRange written, const void *from, Site site) {
    const Access now = block.machine.order.access(block.self().index, site);
    for (uint64_t i = written.begin; i < written.end; ++i) {
        shadow[i].async_pending = false;
        record_write(shadow[i], now);
    }
    const size_t size = written.end - written.begin;
    if (from)
        std::memcpy(&bytes[written.begin], from, size);
    else
        std::memset(&bytes[written.begin], 0, size);
}

}  // namespace densq::emulator
