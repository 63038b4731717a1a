// SPDX-License-Identifier: MIT
// registry.hpp - the kernel tables of this build.
#pragma once
#include <stdint.h>

#include "kernels/table.hpp"

namespace densq {

// The index-th table of this build, whatever the CPU, fastest first; NULL past the last.
const KernelTable *kernel_table(uint32_t index);

// The index-th usable backend's table, fastest first, one per name; NULL past the last.
const KernelTable *usable_table(uint32_t index);

// The fastest usable table of that name; NULL: none.  *known: whether this build has one at all.
const KernelTable *find_table(const char *name, bool *known);

}  // namespace densq
