// SPDX-License-Identifier: MIT
// compiler.hpp - what kernels ask of the compiler.
#pragma once

// With DENSQ_AS_WRITTEN functions and loops stay what they are: what sanitizers add to inlined and
// unrolled code takes minutes a file to compile, and checks the same lines.
#ifdef DENSQ_AS_WRITTEN
#define DENSQ_INLINE inline
#else
#define DENSQ_INLINE inline __attribute__((always_inline))
#endif

// Before loops over small arrays that are to live in registers.
#if defined(DENSQ_AS_WRITTEN)
#define DENSQ_UNROLL
#elif defined(__clang__)
#define DENSQ_UNROLL _Pragma("unroll")
#else
#define DENSQ_UNROLL _Pragma("GCC unroll 16")
#endif

// Before loops that must stay loops.
#ifdef __clang__
#define DENSQ_ROLLED _Pragma("nounroll")
#else
#define DENSQ_ROLLED _Pragma("GCC unroll 1")
#endif
