// SPDX-License-Identifier: MIT
// matrix_reader.hpp - reads a planned matrix, or what lies like it, out of a checkpoint.
#pragma once
#include <vector>

#include "model_plan.hpp"

namespace densq::tool {

// Of slices that are transposed it keeps a copy, as reading their rows one by one would touch all
// of the slice each time.
class MatrixReader {
public:
    MatrixReader(const Checkpoint::Entry &entry, const MatrixOrigin &origin,
                 const MatrixPlan &matrix, uint32_t threads);

    // From any thread.
    void read_row(uint32_t row, float *out) const;

private:
    const Checkpoint::Entry &entry;
    uint64_t cols, first;       // where the slice begins, in elements of the tensor
    std::vector<float> turned;  // the slice by rows, if it is transposed
};

}  // namespace densq::tool
