// SPDX-License-Identifier: MIT
// allocator.hpp - an allocator that counts, checks what it gets back, and fails when told to.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <map>

namespace densq::test {

class Allocator {
public:
    // The call of that number, from 0, returns NULL.
    explicit Allocator(unsigned failing_call = ~0u) : fail_at(failing_call) {}

    template <typename Options>
    void install(Options *options) {
        options->alloc = allocate;
        options->free = release;
        options->user = this;
    }

    unsigned calls = 0;
    unsigned errors = 0;  // arguments that the contract of densq.h excludes
    bool all_released() const { return blocks.empty(); }

private:
    static void *allocate(void *user, size_t size, size_t align) {
        auto *self = static_cast<Allocator *>(user);
        const bool power_of_two = align && !(align & (align - 1));
        if (!size || !power_of_two || align > 64) ++self->errors;
        if (self->calls++ == self->fail_at) return nullptr;
        void *ptr = nullptr;
        if (posix_memalign(&ptr, align < sizeof ptr ? sizeof ptr : align, size)) std::abort();
        self->blocks[ptr] = size;
        return ptr;
    }

    static void release(void *user, void *ptr, size_t size) {
        auto *self = static_cast<Allocator *>(user);
        const auto block = self->blocks.find(ptr);
        if (block == self->blocks.end() || block->second != size) {
            ++self->errors;
            return;
        }
        self->blocks.erase(block);
        std::free(ptr);
    }

    unsigned fail_at;
    std::map<void *, size_t> blocks;
};

}  // namespace densq::test
