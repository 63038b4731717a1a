// SPDX-License-Identifier: MIT
// backends_main.cpp - doctest's main for programs that are to run every backend.
//
// Prints which backends ran, which the CPU cannot run, and which were hidden (cpu_masked.cpp).  It
// fails if one that could run did not, and skips where there is nothing to hide, as all of it runs
// without DENSQ_TEST_HIDE_CPU too.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "kernels/cpu_features.hpp"
#include "lib/base/cpu_detection.hpp"
#include "lib/cpu/registry.hpp"

#include "backends_run.hpp"

namespace {

using densq::KernelTable;

constexpr int kSkip = 77;

std::set<const KernelTable *> run_tables;

// Two tables may have one name.
std::string label(const KernelTable *table) {
    std::string text = table->name;
    if (table->cpu_features & (densq::kCpuAvx512Vnni | densq::kCpuAvxVnni)) text += " with VNNI";
    if (table->cpu_features & densq::kCpuAvx512Vbmi) text += " and VBMI";
    if (table->cpu_features & densq::kCpuDotProducts) text += " with dot products";
    return text;
}

bool has_all(uint32_t features, const KernelTable *table) {
    return (features & table->cpu_features) == table->cpu_features;
}

// Whether it is the one that its name stands for.
bool is_chosen(const KernelTable *table) {
    bool known = false;
    return densq::find_table(table->name, &known) == table;
}

bool is_emulated(const KernelTable *table) {
    return (densq::test::emulated_features & table->cpu_features) != 0;
}

struct Report {
    std::string run, emulated, not_here, hidden, missing;
};

Report make_report() {
    Report report;
    for (uint32_t i = 0; const KernelTable *table = densq::kernel_table(i); ++i) {
        std::string *list = nullptr;
        if (run_tables.count(table))
            list = is_emulated(table) ? &report.emulated : &report.run;
        else if (!has_all(densq::detect_cpu_features() | densq::test::emulated_features, table))
            list = &report.not_here;
        else if (!has_all(densq::cpu_features(), table))
            list = &report.hidden;
        else if (is_chosen(table))
            list = &report.missing;
        if (list) *list += (list->empty() ? "" : ", ") + label(table);
    }
    return report;
}

void print(const char *what, const std::string &list) {
    if (!list.empty()) std::printf("backends %s: %s\n", what, list.c_str());
}

}  // namespace

void densq::test::note_run(const KernelTable *table) { run_tables.insert(table); }

int main(int argc, char **argv) {
    if (std::getenv("DENSQ_TEST_HIDE_CPU") &&
        densq::cpu_features() == densq::detect_cpu_features()) {
        std::puts("this CPU has nothing of what is to be hidden");
        return kSkip;
    }
    const int failed = doctest::Context(argc, argv).run();
    const Report report = make_report();
    print("that ran", report.run);
    print("that ran by emulation", report.emulated);
    print("that this CPU cannot run", report.not_here);
    print("that were hidden", report.hidden);
    print("that DID NOT RUN, though they could", report.missing);
    const bool all_cases = argc == 1;
    return failed || (all_cases && !report.missing.empty());
}
