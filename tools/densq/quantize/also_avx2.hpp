// SPDX-License-Identifier: MIT
// also_avx2.hpp - for functions that the compiler vectorizes well: it makes a second one of them
// for CPUs with AVX2, with the same results, and the loader chooses.
#pragma once
#include <climits>  // says which C library this is

#if defined(__x86_64__) && defined(__GLIBC__)
#define DENSQ_TOOL_ALSO_AVX2 __attribute__((target_clones("avx2", "default")))
#else
#define DENSQ_TOOL_ALSO_AVX2
#endif
