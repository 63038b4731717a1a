// SPDX-License-Identifier: MIT
#include "plan_report.hpp"

#include <cmath>
#include <cstdio>
#include <map>

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

// Of the matrices, tables and sparse parts included.
double bits_per_weight(const ModelPlan &plan) {
    double bytes = 0, weights = 0;
    for (const auto &[name, planned] : plan.matrices) {
        const MatrixPlan &matrix = plan.file.matrices.at(name);
        bytes += static_cast<double>(matrix_bytes(matrix.rows, matrix.cols, planned.recipe));
        weights += static_cast<double>(matrix.rows) * matrix.cols;
    }
    return weights > 0 ? 8 * bytes / weights : 0;
}

// The matrices by bits and sparse share, if these differ; shares are rounded, as those of small
// matrices are whole numbers of weights.
std::string choice_table(const ModelPlan &plan) {
    struct Row {
        uint64_t matrices = 0, weights = 0;
    };
    std::map<std::pair<uint32_t, long>, Row> table;
    for (const auto &[name, planned] : plan.matrices) {
        const double share = planned.recipe.outliers + planned.recipe.sensitive;
        const MatrixPlan &matrix = plan.file.matrices.at(name);
        Row &row = table[{planned.recipe.bits, std::lround(1e5 * share)}];
        ++row.matrices;
        row.weights += uint64_t{matrix.rows} * matrix.cols;
    }
    if (table.size() < 2) return "";
    std::string text = "bits    sparse   matrices   weights\n";
    for (const auto &[key, row] : table) {
        char line[80];
        std::snprintf(line, sizeof line, "%4u   %5.3f %%   %8llu  %8s\n", key.first,
                      static_cast<double>(key.second) / 1000,
                      static_cast<unsigned long long>(row.matrices),
                      short_count(row.weights).c_str());
        text += line;
    }
    char mean[80];
    std::snprintf(mean, sizeof mean, "the matrices in the mean: %.3f bits a weight\n",
                  bits_per_weight(plan));
    return text + mean;
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
    return text + choice_table(plan) + total;
}

}  // namespace densq::tool
