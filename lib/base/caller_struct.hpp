// SPDX-License-Identifier: MIT
// caller_struct.hpp - structs of a caller that was compiled with an older or a newer header.  Their
// struct_size says how large they are.
//
// Fields are added at the end only.  The struct of an older caller is smaller than ours, but never
// smaller than in version 0.1.0.  That of a newer caller is larger.  If the bytes that we do not
// know are zero, the caller asks for nothing that we do not know.
#pragma once
#include <stddef.h>
#include <string.h>

#include "densq/densq.h"
#include "lib/base/alloc.hpp"

namespace densq {

// `name`, and `first_size`: where the struct ended in version 0.1.0.
template <typename T>
struct CallerStruct;

// Defines CallerStruct for a public struct, from its last field in version 0.1.0 and its last field
// now.
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

// The sizes of a struct that this library knows.
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

// Copies the fields that both know.  DENSQ_ERR_ARGUMENT: the size is not possible.
// DENSQ_ERR_UNSUPPORTED: the caller has set a field that this library does not know.
densq_status copy_known(void *mine, const void *theirs, size_t struct_size,
                        const KnownStruct &known, const char *parameter, densq_fault *fault);

// Makes a struct of this library from that of the caller.  Fields that the caller does not know are
// zero; all are zero for NULL.
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

// Writes the fields of *mine that the caller's struct has, and zeros behind them.  struct_size
// stays as it is.
template <typename T>
static void write_struct(T *theirs, const T &mine) {
    const size_t size = theirs->struct_size;
    const size_t common = size < sizeof(T) ? size : sizeof(T);
    memcpy(theirs, &mine, common);
    memset(reinterpret_cast<char *>(theirs) + common, 0, size - common);
    theirs->struct_size = size;
}

// Gets the allocator of an options struct: malloc if it names none.  Returns false if it names only
// one of the two functions.
template <typename Options>
static bool read_allocator(Allocator *out, const Options &options) {
    *out =
        options.alloc ? Allocator{options.alloc, options.free, options.user} : default_allocator();
    return !options.alloc == !options.free;
}

}  // namespace densq
