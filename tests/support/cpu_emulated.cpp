// SPDX-License-Identifier: MIT
// cpu_emulated.cpp - a CPU with every instruction that kernels use, for programs in which those
// newer than AVX2 are emulated (tests/emulated), in place of lib/base/cpu_unmasked.cpp.
#include "kernels/cpu_features.hpp"
#include "lib/base/cpu_detection.hpp"

#include "backends_run.hpp"

const uint32_t densq::test::emulated_features = kCpuBeyondAvx2;

uint32_t densq::cpu_features() {
    const uint32_t native = detect_cpu_features();
    return native & kCpuAvx2 ? native | test::emulated_features : native;
}
