// SPDX-License-Identifier: MIT
// backends_run.hpp - which backends a test program has run: support/backends_main.cpp prints them,
// and fails where one that the CPU has is missing.
#pragma once
#include "kernels/table.hpp"

namespace densq::test {

void note_run(const KernelTable *table);

// Which features of the CPU that kernels seem to run on are emulated (kernels/cpu_features.hpp).
extern const uint32_t emulated_features;

}  // namespace densq::test
