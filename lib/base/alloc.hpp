// SPDX-License-Identifier: MIT
// alloc.hpp - the caller's allocator, or malloc.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"

namespace densq {

struct Allocator {
    densq_alloc_fn alloc;
    densq_free_fn free;
    void *user;
};

Allocator default_allocator();

// `size` > 0, `align` a power of two up to 64.  NULL: out of memory.
void *allocate(const Allocator &allocator, size_t size, size_t align);
void release(const Allocator &allocator, void *ptr, size_t size);

// The first multiple of `align` from `memory` on.
inline uint8_t *align_up(void *memory, size_t align) {
    const auto past = reinterpret_cast<uintptr_t>(memory) % align;
    return static_cast<uint8_t *>(memory) + (align - past) % align;
}

}  // namespace densq
