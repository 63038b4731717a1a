// SPDX-License-Identifier: MIT
#include "plan_report.hpp"

#include <cstdio>

#include "terminal_text.hpp"

namespace densq::tool {
namespace {

std::string group_line(const GroupTotals &group, uint64_t parameters) {
    const double share =
        parameters && group.fate != Fate::kLeftOut
            ? 100 * static_cast<double>(group.weights) / static_cast<double>(parameters)
            : 0;
    char text[160];
    std::snprintf(text, sizeof text, "%-9s %6llu  %-28.28s %8s %5.1f %%  %s\n",
                  fate_name(group.fate), static_cast<unsigned long long>(group.tensors),
                  group.title.c_str(), short_count(group.weights).c_str(), share,
                  group.bytes ? size_text(group.bytes).c_str() : "-");
    return text + std::string(18, ' ') + "(" + group.why + ")\n";
}

}  // namespace

const char *fate_name(Fate fate) {
    return fate == Fate::kQuantized ? "quantized" : fate == Fate::kPlain ? "plain" : "left out";
}

std::string plan_report(const ModelPlan &plan, uint64_t file_bytes) {
    uint64_t parameters = 0;
    for (const GroupTotals &group : plan.groups)
        if (group.fate != Fate::kLeftOut) parameters += group.weights;
    std::string text =
        "          tensors                                weights              file\n";
    for (const GroupTotals &group : plan.groups) text += group_line(group, parameters);
    char total[120];
    std::snprintf(
        total, sizeof total, "%zu matrices, %zu plain tensors: %s, %.2f bits a weight\n",
        plan.file.matrices.size(), plan.file.tensors.size(), size_text(file_bytes).c_str(),
        parameters ? 8 * static_cast<double>(file_bytes) / static_cast<double>(parameters) : 0);
    return text + total;
}

}  // namespace densq::tool
