// SPDX-License-Identifier: MIT
// registry.hpp - the kernel tables of this build.
#pragma once
#include <stdint.h>

#include "kernels/table.hpp"

namespace densq {

// Table number `index` of this build, the fastest first, even if the CPU cannot run it; NULL behind
// the last one.
const KernelTable *kernel_table(uint32_t index);

// The table of usable backend number `index`, the fastest first, one for each name; NULL behind the
// last one.
const KernelTable *usable_table(uint32_t index);

// The fastest usable table with this name, or NULL.  *known: whether this build has one at all.
const KernelTable *find_table(const char *name, bool *known);

}  // namespace densq
