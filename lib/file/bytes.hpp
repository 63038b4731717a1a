// SPDX-License-Identifier: MIT
// bytes.hpp - the bytes of a file: borrowed from the caller, mapped, or read into memory.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"
#include "lib/base/alloc.hpp"

namespace densq {

enum class Storage { kBorrowed, kMapped, kAllocated };

struct Bytes {
    const uint8_t *data;  // 64-byte aligned; NULL if size is 0
    size_t size;
    Storage storage;
};

// Maps the file, or reads it into allocated memory if `copy`.
densq_status load_file(Bytes *out, const char *path, uint64_t max_bytes, bool copy,
                       const Allocator &allocator, densq_fault *fault);

// Borrows the caller's memory, or copies it if `copy`.
densq_status take_memory(Bytes *out, const void *data, size_t size, uint64_t max_bytes, bool copy,
                         const Allocator &allocator, densq_fault *fault);

void drop_bytes(const Bytes &bytes, const Allocator &allocator);

}  // namespace densq
