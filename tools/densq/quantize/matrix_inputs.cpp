// SPDX-License-Identifier: MIT
#include "matrix_inputs.hpp"

#include "weight_checks.hpp"

namespace densq::tool {

MatrixInputs::MatrixInputs(const InputEntries &entries_, const MatrixOrigin &origin,
                           const MatrixPlan &shape, uint32_t threads)
    : entries(entries_), weights(*entries.weights, origin, shape, threads),
      of_matrix{shape.rows,
                shape.cols,
                [this](uint32_t row, float *out) { weights.read_row(row, out); },
                {},
                {}} {
    if (entries.gradients) {
        gradients.emplace(*entries.gradients, origin, shape, threads);
        of_matrix.gradients = [this](uint32_t row, float *out) { gradients->read_row(row, out); };
    }
    if (entries.moments) {
        const uint64_t first = origin.slice * triangle_elements(shape.cols);
        of_matrix.moments = [this, first](uint32_t row, float *out) {
            const uint64_t begin = first + triangle_row(of_matrix.cols, row);
            entries.moments->read(begin, begin + of_matrix.cols - row, out);
        };
    }
}

void MatrixInputs::end_reading() const {
    for (const Checkpoint::Entry *entry : {entries.weights, entries.gradients, entries.moments})
        if (entry) entry->end_reading();
}

}  // namespace densq::tool
