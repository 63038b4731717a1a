// SPDX-License-Identifier: MIT
// structs.hpp - structs that may be older or newer than this library's: their struct_size says so.
#pragma once
#include <stddef.h>
#include <string.h>

#include "densq/densq.h"
#include "lib/alloc.hpp"

namespace densq {

// Sizes in version 0.1, the smallest that a caller can have.
template <typename T>
static constexpr size_t kFirstSize = sizeof(T);

template <typename T>
static bool known_size(const T *theirs) {
    return theirs->struct_size >= kFirstSize<T>;
}

template <typename T>
static size_t common_size(const T *theirs) {
    return theirs->struct_size < sizeof(T) ? theirs->struct_size : sizeof(T);
}

// The caller's struct as this library's, what it lacks being zero; all zero for NULL.
template <typename T>
static T read_struct(const T *theirs) {
    T mine = {};
    if (theirs) memcpy(&mine, theirs, common_size(theirs));
    return mine;
}

// Writes as much of *mine as the caller's struct holds; its struct_size stays.
template <typename T>
static void write_struct(T *theirs, const T &mine) {
    const size_t size = theirs->struct_size;
    memcpy(theirs, &mine, common_size(theirs));
    theirs->struct_size = size;
}

// The allocator of an options struct: malloc's if it names none, false if it names half of one.
template <typename Options>
static bool read_allocator(Allocator *out, const Options &options) {
    *out =
        options.alloc ? Allocator{options.alloc, options.free, options.user} : default_allocator();
    return !options.alloc == !options.free;
}

}  // namespace densq
