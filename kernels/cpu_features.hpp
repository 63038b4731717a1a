// SPDX-License-Identifier: MIT
// cpu_features.hpp - what a kernel table may require of the CPU (and of the system's saving of its
// registers); lib/cpu.cpp finds out what there is.
#pragma once
#include <stdint.h>

namespace densq {

enum CpuFeature : uint32_t {
    kCpuAvx2 = 1u << 0,        // AVX2, FMA, F16C and SSE4.2
    kCpuAvx512 = 1u << 1,      // AVX-512 F, BW, DQ, VL, and what kCpuAvx2 stands for
    kCpuAvx512Vnni = 1u << 2,  // vpdpwssd
};

}  // namespace densq
