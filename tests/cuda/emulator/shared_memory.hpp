// SPDX-License-Identifier: MIT
// shared_memory.hpp - the shared memory of a block.
#pragma once
#include <cstddef>
#include <map>
#include <vector>

#include "runtime.hpp"
#include "shadow.hpp"

namespace densq::emulator {

class ThreadBlock;

class SharedMemory {
public:
    explicit SharedMemory(uint32_t dynamic_bytes);

    SharedRange static_array(ThreadBlock &block, const void *key, size_t size, Site site);
    SharedRange dynamic_array(ThreadBlock &block, uint32_t first_byte, size_t size, Site site);

    void load(ThreadBlock &block, SharedRange array, uint64_t offset, void *to, size_t size,
              Site site);
    void store(ThreadBlock &block, SharedRange array, uint64_t offset, const void *from,
               size_t size, Site site);

    // False if the copy is not to be made.
    bool begin_async(ThreadBlock &block, SharedRange array, uint64_t offset, SharedRange *bytes,
                     Site site);
    void end_async(ThreadBlock &block, SharedRange bytes, const void *from, Site site);

private:
    bool reachable(ThreadBlock &block, SharedRange array, uint64_t offset, size_t size,
                   Site site) const;
    void check_read(ThreadBlock &block, uint64_t at, size_t size, Site site);
    void check_write(ThreadBlock &block, uint64_t at, size_t size, Site site);

    uint64_t dynamic_bytes;
    std::vector<std::byte> bytes;
    std::vector<ShadowByte> shadow;
    std::map<const void *, SharedRange> static_arrays;
};

}  // namespace densq::emulator
