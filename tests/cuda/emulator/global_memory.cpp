// SPDX-License-Identifier: MIT
#include "global_memory.hpp"

#include <algorithm>

#include "thread_block.hpp"

namespace densq::emulator {

namespace {

uintptr_t address(const void *at) { return reinterpret_cast<uintptr_t>(at); }

}  // namespace

void GlobalMemory::lend(const void *at, size_t size, Use use) {
    Buffer buffer = {address(at), address(at) + size, use, {}};
    if (use != Use::kInput) buffer.shadow.resize(size);
    buffers.push_back(std::move(buffer));
}

GlobalMemory::Buffer *GlobalMemory::find(ThreadBlock &block, const void *at, size_t size,
                                         const char *what, Site site) {
    if (address(at) % size) {
        block.add_finding(Kind::kMisaligned, site,
                          what + (" of " + std::to_string(size)) + " bytes");
        return nullptr;
    }
    const auto found = std::find_if(buffers.begin(), buffers.end(), [&](const Buffer &buffer) {
        return buffer.begin <= address(at) && address(at) + size <= buffer.end;
    });
    if (found != buffers.end()) return &*found;
    std::string nearest;
    for (const Buffer &buffer : buffers)
        if (buffer.begin <= address(at) && address(at) < buffer.end + 4096)
            nearest = ", at byte " + std::to_string(address(at) - buffer.begin) +
                      " of a buffer of " + std::to_string(buffer.end - buffer.begin);
    block.add_finding(Kind::kGlobalBounds, site,
                      what + (" of " + std::to_string(size)) + " bytes in no buffer" + nearest);
    return nullptr;
}

bool GlobalMemory::check_load(ThreadBlock &block, const void *at, size_t size, GlobalWord word,
                              Site site) {
    Buffer *buffer = find(block, at, size, "load", site);
    if (!buffer) return false;
    if (buffer->use == Use::kInput) return true;
    const uint32_t thread = block.self().index;
    const Order &order = block.machine.order;
    const Access now = order.access(thread, site);
    bool undefined = false, stale = false;
    const Access *collision = nullptr;
    for (size_t i = 0; i < size; ++i) {
        ShadowByte &byte = buffer->shadow[address(at) - buffer->begin + i];
        undefined |= byte.write.epoch == 0 && buffer->use == Use::kOutput;
        stale |= byte.write.epoch && order.of_this_launch(byte.write) && word != GlobalWord::kPlain;
        if (const Access *other = record_read(byte, order, now, thread)) collision = other;
    }
    if (undefined) block.add_finding(Kind::kUninitialised, site, "loads what no kernel stored");
    if (stale) block.add_finding(Kind::kReadOnly, site, "loads what this launch has stored");
    if (collision) block.add_finding(Kind::kRace, site, "loads " + describe(*collision));
    return true;
}

bool GlobalMemory::check_store(ThreadBlock &block, const void *at, size_t size, Site site) {
    Buffer *buffer = find(block, at, size, "store", site);
    if (!buffer) return false;
    if (buffer->use == Use::kInput) {
        block.add_finding(Kind::kGlobalBounds, site, "store to a buffer that is only to be read");
        return false;
    }
    const uint32_t thread = block.self().index;
    const Order &order = block.machine.order;
    const Access now = order.access(thread, site);
    Access collision;
    for (size_t i = 0; i < size; ++i) {
        ShadowByte &byte = buffer->shadow[address(at) - buffer->begin + i];
        if (const Access *other = collides_with_write(byte, order, thread)) collision = *other;
        record_write(byte, now);
    }
    if (collision.epoch) block.add_finding(Kind::kRace, site, "stores " + describe(collision));
    return true;
}

bool GlobalMemory::check_atomic(ThreadBlock &block, const uint32_t *at, Site site) {
    Buffer *buffer = find(block, at, sizeof *at, "atomic", site);
    if (!buffer) return false;
    if (buffer->use == Use::kInputOutput) return true;
    block.add_finding(Kind::kGlobalBounds, site, "atomic on a buffer that is not kInputOutput");
    return false;
}

}  // namespace densq::emulator
