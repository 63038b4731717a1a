// SPDX-License-Identifier: MIT
// compiler.hpp - attributes and pragmas of the compiler.
#pragma once

#define DENSQ_INLINE inline __attribute__((always_inline))

// Stands before loops over small arrays that must be kept in registers.
#ifdef __clang__
#define DENSQ_UNROLL _Pragma("unroll")
#else
#define DENSQ_UNROLL _Pragma("GCC unroll 16")
#endif

// Stands before loops that must not be unrolled.
#ifdef __clang__
#define DENSQ_ROLLED _Pragma("nounroll")
#else
#define DENSQ_ROLLED _Pragma("GCC unroll 1")
#endif
