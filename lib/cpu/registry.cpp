// SPDX-License-Identifier: MIT
#include "lib/cpu/registry.hpp"

#include <string.h>

#include "lib/base/cpu_detection.hpp"

namespace densq {
namespace {

using TableGetter = const KernelTable *(*)();

// The fastest comes first.  Two tables may share a name: the first one that the CPU can run is
// used.
constexpr TableGetter kTables[] = {
#if defined(__x86_64__)
    densq_k_avx512vbmi, densq_k_avx512vnni, densq_k_avx512, densq_k_avxvnni, densq_k_avx2,
#elif defined(__aarch64__)
    densq_k_neondot,
    densq_k_neon,
#endif
    densq_k_scalar,
};
constexpr uint32_t kTableCount = sizeof kTables / sizeof kTables[0];

bool usable(const KernelTable *table, uint32_t features) {
    return (table->cpu_features & features) == table->cpu_features;
}

bool same_name(const KernelTable *a, const KernelTable *b) { return !strcmp(a->name, b->name); }

}  // namespace

const KernelTable *kernel_table(uint32_t index) {
    return index < kTableCount ? kTables[index]() : nullptr;
}

const KernelTable *usable_table(uint32_t index) {
    const uint32_t features = cpu_features();
    const KernelTable *last = nullptr;
    for (uint32_t i = 0; const KernelTable *table = kernel_table(i); ++i) {
        if (!usable(table, features) || (last && same_name(table, last))) continue;
        if (index-- == 0) return table;
        last = table;
    }
    return nullptr;
}

const KernelTable *find_table(const char *name, bool *known) {
    const uint32_t features = cpu_features();
    *known = false;
    for (uint32_t i = 0; const KernelTable *table = kernel_table(i); ++i) {
        if (strcmp(table->name, name) != 0) continue;
        *known = true;
        if (usable(table, features)) return table;
    }
    return nullptr;
}

}  // namespace densq
