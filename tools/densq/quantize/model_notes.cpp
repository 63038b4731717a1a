// SPDX-License-Identifier: MIT
#include "model_notes.hpp"

#include <cmath>
#include <cstdio>

namespace densq::tool {
namespace {

std::string percent_text(double part) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f %%", std::ceil(100 * part));
    return text;
}

std::string counted(uint64_t count, const char *one, const char *many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

void ModelNotes::Affected::add(const std::string &name, uint32_t more_rows, double badness) {
    if (more_rows == 0) return;
    rows += more_rows;
    ++matrices;
    if (badness <= worst) return;
    worst = badness;
    worst_matrix = name;
}

std::string ModelNotes::Affected::text() const {
    return counted(rows, "row", "rows") + " of " + counted(matrices, "matrix", "matrices");
}

void ModelNotes::add(const std::string &name, const MatrixNotes &notes) {
    by_fp16.add(name, notes.rows_lost_to_fp16, notes.largest_error);
    mostly_zero.add(name, notes.rows_mostly_zero, notes.rows_mostly_zero);
}

std::vector<std::string> ModelNotes::warnings() const {
    std::vector<std::string> texts;
    if (by_fp16.rows)
        texts.push_back(by_fp16.text() +
                        ": fp16, in which tables and sparse values are kept, cannot hold these "
                        "weights (too small, or too far apart); a row is wrong by up to " +
                        percent_text(by_fp16.worst) + " (in '" + by_fp16.worst_matrix +
                        "'); --exclude 'NAME' keeps a matrix as it is");
    if (mostly_zero.rows)
        texts.push_back(mostly_zero.text() +
                        ": most gradients are zero (the most such rows are in '" +
                        mostly_zero.worst_matrix +
                        "'), perhaps because they were too small for their dtype; gradients in "
                        "F32 or BF16 make a better file");
    return texts;
}

}  // namespace densq::tool
