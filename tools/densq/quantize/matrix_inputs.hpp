// SPDX-License-Identifier: MIT
// matrix_inputs.hpp - what a matrix is quantized from, out of the files that it is in.
#pragma once
#include <optional>

#include "matrix_reader.hpp"

namespace densq::tool {

struct InputEntries {
    const Checkpoint::Entry *weights;
    const Checkpoint::Entry *gradients, *moments;  // NULL: none, or none that say anything
};

class MatrixInputs {
public:
    MatrixInputs(const InputEntries &entries, const MatrixOrigin &origin, const MatrixPlan &shape,
                 uint32_t threads);
    MatrixInputs(const MatrixInputs &) = delete;
    MatrixInputs &operator=(const MatrixInputs &) = delete;

    const MatrixSource &source() const { return of_matrix; }
    void end_reading() const;

private:
    const InputEntries entries;
    const MatrixReader weights;
    std::optional<MatrixReader> gradients;
    MatrixSource of_matrix;
};

}  // namespace densq::tool
