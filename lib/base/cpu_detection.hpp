// SPDX-License-Identifier: MIT
// cpu_detection.hpp - what the running CPU and its operating system offer, as bits of
// kernels/cpu_features.hpp.
#pragma once
#include <stdint.h>

namespace densq {

uint32_t detect_cpu_features();

// What of it may be used: all.  Programs that test the library link another function of this name,
// which hides some (tests/support/cpu_masked.cpp).
uint32_t cpu_features();

}  // namespace densq
