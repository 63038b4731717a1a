// SPDX-License-Identifier: MIT
// cpu_unmasked.cpp - a separate file, because the tests link another one in its place.
#include "lib/base/cpu_detection.hpp"

#include "kernels/cpu_features.hpp"

namespace densq {

#ifdef DENSQ_AVX2_AT_MOST
constexpr uint32_t kNotUsed = kCpuBeyondAvx2;
#else
constexpr uint32_t kNotUsed = 0;
#endif

uint32_t cpu_features() { return detect_cpu_features() & ~kNotUsed; }

}  // namespace densq
