// SPDX-License-Identifier: MIT
#include "lib/base/alloc.hpp"

#include <stdlib.h>
#include <sys/mman.h>

namespace densq {
namespace {

// Blocks of at least this size, which copies of files are, ask for pages of it.
constexpr size_t kLargePage = 2u << 20;

void *system_alloc(void *, size_t size, size_t align) {
    void *ptr = nullptr;
    if (align < sizeof(void *)) align = sizeof(void *);
    if (size >= kLargePage) align = kLargePage;
    if (posix_memalign(&ptr, align, size) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
    if (size >= kLargePage) madvise(ptr, size, MADV_HUGEPAGE);  // a wish, which may stay one
#endif
    return ptr;
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
