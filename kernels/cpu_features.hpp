// SPDX-License-Identifier: MIT
// cpu_features.hpp - what kernels may require of the CPU, and of the operating system, which must
// save its registers, and what it does well.  lib/base/cpu_detection.cpp finds out what there is.
#pragma once
#include <stdint.h>

namespace densq {

enum CpuFeature : uint32_t {
    kCpuCrc32c = 1u << 0,       // crc32 of SSE4.2, crc32c* of ARMv8
    kCpuAvx2 = 1u << 1,         // AVX2, FMA, F16C
    kCpuAvxVnni = 1u << 2,      // vpdpbusd of 256 bits without AVX-512
    kCpuAvx512 = 1u << 3,       // AVX-512 F, BW, DQ, VL, and what kCpuAvx2 stands for
    kCpuAvx512Vnni = 1u << 4,   // vpdpwssd, vpdpbusd
    kCpuAvx512Vbmi = 1u << 5,   // vpermb
    kCpuNeon = 1u << 6,         // every 64-bit ARM has it
    kCpuDotProducts = 1u << 7,  // sdot of ARMv8.2
    kCpuTwoStreams = 1u << 8,   // reads codes faster in two streams than in one
};

// What an x86 CPU may have beyond AVX2.
constexpr uint32_t kCpuBeyondAvx2 = kCpuAvxVnni | kCpuAvx512 | kCpuAvx512Vnni | kCpuAvx512Vbmi;

}  // namespace densq
