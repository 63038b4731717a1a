// SPDX-License-Identifier: MIT
#include "lib/base/alloc.hpp"

#include <stdlib.h>
#include <sys/mman.h>

namespace densq {
namespace {

// Memory of at least this size, like copies of files, should have pages of this size.
constexpr size_t kLargePage = 2u << 20;

void *system_alloc(void *, size_t size, size_t align) {
    void *ptr = nullptr;
    if (align < sizeof(void *)) align = sizeof(void *);
    if (size >= kLargePage) align = kLargePage;
    if (posix_memalign(&ptr, align, size) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
    if (size >= kLargePage) madvise(ptr, size, MADV_HUGEPAGE);  // the system may ignore it
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
