// SPDX-License-Identifier: MIT
// alloc.hpp - the caller's allocator, or malloc.
#pragma once
#include <stddef.h>

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

}  // namespace densq
