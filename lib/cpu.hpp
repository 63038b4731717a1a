// SPDX-License-Identifier: MIT
// cpu.hpp - what the running CPU and its operating system offer.
#pragma once
#include <stdint.h>

namespace densq {

// Bits of kernels/cpu_features.hpp.
uint32_t cpu_features();

}  // namespace densq
