// SPDX-License-Identifier: MIT
#include "lib/alloc.hpp"

#include <stdlib.h>

namespace densq {
namespace {

void *system_alloc(void *, size_t size, size_t align) {
    void *ptr = nullptr;
    const int error = posix_memalign(&ptr, align < sizeof(void *) ? sizeof(void *) : align, size);
    return error ? nullptr : ptr;
}

void system_free(void *, void *ptr, size_t) { free(ptr); }

}  // namespace

Allocator default_allocator() { return Allocator{system_alloc, system_free, nullptr}; }

void *allocate(const Allocator &allocator, size_t size, size_t align) {
    return allocator.alloc(allocator.user, size, align);
}

void release(const Allocator &allocator, void *ptr, size_t size) {
    allocator.free(allocator.user, ptr, size);
}

}  // namespace densq
