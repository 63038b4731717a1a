// SPDX-License-Identifier: MIT
// caller_struct.hpp - structs of a caller who was compiled with an older or a newer header: their
// struct_size says how much of them there is.
//
// A field is only ever added at the end.  An older caller's struct is smaller than ours, but never
// than it was in version 0.1.0.  A newer caller's is larger: bytes that are zero ask for nothing
// that we do not know, others do.
#pragma once
#include <stddef.h>
#include <string.h>

#include "densq/densq.h"
#include "lib/base/alloc.hpp"

namespace densq {

// `name`, and `first_size`: where the struct ended in version 0.1.0.
template <typename T>
struct CallerStruct;

// Says so of a public struct: its last field in version 0.1.0, and its last field now.
#define DENSQ_CALLER_STRUCT(type, first_last, last)                                \
    static_assert(DENSQ_END_OF_FIELD(type, last) == sizeof(type),                  \
                  #type " ends in padding, in which a later field would lie");     \
    template <>                                                                    \
    struct CallerStruct<type> {                                                    \
        static constexpr const char *name = #type;                                 \
        static constexpr size_t first_size = DENSQ_END_OF_FIELD(type, first_last); \
    }
#define DENSQ_END_OF_FIELD(type, field) (offsetof(type, field) + sizeof(type::field))

DENSQ_CALLER_STRUCT(densq_open_options, user, user);
DENSQ_CALLER_STRUCT(densq_metadata, value_bytes, value_bytes);
DENSQ_CALLER_STRUCT(densq_matrix, bytes, bytes);
DENSQ_CALLER_STRUCT(densq_tensor, bytes, bytes);
DENSQ_CALLER_STRUCT(densq_backend_options, provider, provider);

// What this library knows of a struct.
struct KnownStruct {
    const char *name;
    size_t first_size, size;
};

template <typename T>
static constexpr KnownStruct known_struct() {
    return {CallerStruct<T>::name, CallerStruct<T>::first_size, sizeof(T)};
}

// Whether a struct_size can be one: DENSQ_OK or DENSQ_ERR_ARGUMENT.  `parameter` is the struct's
// name in the function that was called.
densq_status check_struct_size(size_t struct_size, const KnownStruct &known, const char *parameter,
                               densq_fault *fault);

// Copies as much as both know.  DENSQ_ERR_ARGUMENT: not a possible size; DENSQ_ERR_UNSUPPORTED: the
// caller sets a field that this library does not know.
densq_status copy_known(void *mine, const void *theirs, size_t struct_size,
                        const KnownStruct &known, const char *parameter, densq_fault *fault);

// The caller's struct as this library's, in which what the caller does not know is zero; all zero
// for NULL.
template <typename T>
static densq_status read_struct(T *mine, const T *theirs, const char *parameter,
                                densq_fault *fault) {
    *mine = {};
    if (!theirs) return DENSQ_OK;
    const densq_status status =
        copy_known(mine, theirs, theirs->struct_size, known_struct<T>(), parameter, fault);
    mine->struct_size = sizeof(T);
    return status;
}

// Whether write_struct may be called.
template <typename T>
static densq_status check_output(const T *theirs, densq_fault *fault = nullptr) {
    return check_struct_size(theirs->struct_size, known_struct<T>(), "out", fault);
}

// Writes as much of *mine as the caller's struct holds, and zeros behind; struct_size stays.
template <typename T>
static void write_struct(T *theirs, const T &mine) {
    const size_t size = theirs->struct_size;
    const size_t common = size < sizeof(T) ? size : sizeof(T);
    memcpy(theirs, &mine, common);
    memset(reinterpret_cast<char *>(theirs) + common, 0, size - common);
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
