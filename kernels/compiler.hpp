// SPDX-License-Identifier: MIT
// compiler.hpp - attributes and pragmas of the compiler.
#pragma once

// With DENSQ_AS_WRITTEN, functions are not inlined and loops not unrolled: with sanitizers, inlined
// and unrolled code takes minutes per file to compile, and the same lines are checked.
#ifdef DENSQ_AS_WRITTEN
#define DENSQ_INLINE inline
#else
#define DENSQ_INLINE inline __attribute__((always_inline))
#endif

// Stands before loops over small arrays that must be kept in registers.
#if defined(DENSQ_AS_WRITTEN)
#define DENSQ_UNROLL
#elif defined(__clang__)
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
