// SPDX-License-Identifier: MIT
// immintrin.h - comes first in the include path of kernels that are to run on a CPU without their
// instructions: what is newer than AVX2 is made from AVX2 by SIMDe, the rest stays the compiler's.
#pragma once
#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#define SIMDE_NO_INLINE
#include <simde/x86/avx512.h>

#include "supplement.hpp"
