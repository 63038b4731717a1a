// SPDX-License-Identifier: MIT
// compiler.hpp - what kernels ask of the compiler.
#pragma once

#define DENSQ_INLINE inline __attribute__((always_inline))

// Before loops over small arrays that are to live in registers.
#ifdef __clang__
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
