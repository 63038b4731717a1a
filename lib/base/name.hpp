// SPDX-License-Identifier: MIT
// name.hpp - a name, whose bytes may be anything.
#pragma once
#include <stddef.h>
#include <string.h>

namespace densq {

struct Name {
    const char *bytes;  // not NUL-terminated
    size_t size;
};

static inline Name name_of(const char *text) { return {text, strlen(text)}; }

// Compares by bytes: the result is negative, 0 or positive, like that of memcmp.
static inline int compare_names(Name a, Name b) {
    const int order = memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size);
    if (order || a.size == b.size) return order;
    return a.size < b.size ? -1 : 1;
}

}  // namespace densq
