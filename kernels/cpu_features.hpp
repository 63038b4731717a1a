// SPDX-License-Identifier: MIT
// cpu_features.hpp - what kernels may require of the CPU, and of the operating system, which must
// save its registers.  lib/base/cpu_detection.cpp finds out what there is.
#pragma once
#include <stdint.h>

namespace densq {

enum CpuFeature : uint32_t {
    kCpuCrc32c = 1u << 0,       // crc32 of SSE4.2, crc32c* of ARMv8
    kCpuAvx2 = 1u << 1,         // AVX2, FMA, F16C
    kCpuAvxVnni = 1u << 6,      // vpdpbusd and vpdpwssd in the VEX form
    kCpuAvx512 = 1u << 2,       // AVX-512 F, BW, DQ, VL, and what kCpuAvx2 stands for
    kCpuAvx512Vnni = 1u << 3,   // vpdpwssd and vpdpbusd
    kCpuAvx512Vbmi = 1u << 7,   // vpermb
    kCpuNeon = 1u << 4,         // every 64-bit ARM has it
    kCpuDotProducts = 1u << 5,  // sdot of ARMv8.2
};

}  // namespace densq
