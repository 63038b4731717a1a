// SPDX-License-Identifier: MIT
// global_memory.hpp - the buffers that a test has lent to its kernels.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "runtime.hpp"
#include "shadow.hpp"

namespace densq::emulator {

class ThreadBlock;

enum class Use {
    kInput,        // only read
    kOutput,       // undefined until written
    kInputOutput,  // defined, and written
};

class GlobalMemory {
public:
    void lend(const void *at, size_t size, Use use);
    void take_back_all() { buffers.clear(); }

    // False if the access is not to be made.
    bool check_load(ThreadBlock &block, const void *at, size_t size, GlobalWord word, Site site);
    bool check_store(ThreadBlock &block, const void *at, size_t size, Site site);
    bool check_atomic(ThreadBlock &block, const uint32_t *at, Site site);

private:
    struct Buffer {
        uintptr_t begin, end;
        Use use;
        std::vector<ShadowByte> shadow;  // empty: only read
    };

    Buffer *find(ThreadBlock &block, const void *at, size_t size, const char *what, Site site);

    std::vector<Buffer> buffers;
};

}  // namespace densq::emulator
