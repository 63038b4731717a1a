// SPDX-License-Identifier: MIT
// cpu_detection.hpp - what the running CPU and its operating system offer, as bits of
// kernels/cpu_features.hpp.
#pragma once
#include <stdint.h>

namespace densq {

uint32_t detect_cpu_features();

// The features that may be used: all that are there.  Programs that test the library link another
// function with this name, which can hide some of them (tests/support/cpu_masked.cpp).
uint32_t cpu_features();

}  // namespace densq
