// SPDX-License-Identifier: MIT
// row_objective.hpp - by how much a quantized row changes what a layer computes.
//
// For inputs x of the layer, a row w that becomes q changes the output by (q - w) x.  The mean of
// its square is (q - w) H (q - w)^T, where H is the mean of x x^T: the second moment of the inputs.
// So errors of columns that go together can cancel each other out, and that is how codes are chosen
// (GPTQ, Frantar et al. 2022; weighted by gradients: GuidedQuant, Kim et al. 2025).
#pragma once
#include <cstdint>
#include <vector>

#include "quantization_method.hpp"

namespace densq::tool {

// H, the same for all rows of a matrix, in the order in which its columns are worked on: from the
// last, which has the largest diagonal element, to the first.
class RowObjective {
public:
    // `moments`: as in MatrixSource.  May throw NoSecondMoments.
    RowObjective(uint32_t cols, const RowReader &moments);

    uint32_t cols() const { return static_cast<uint32_t>(columns.size()); }
    // The column of the matrix that is worked on at place p.
    uint32_t column(uint32_t p) const { return columns[p]; }

    // H, damped so that it has an inverse; symmetric, [cols][cols].
    const float *moment() const { return matrix.data(); }
    // The inverse of its lower Cholesky factor: element (p, q), p >= q, at [p + q * cols].
    const float *inverse_factor() const { return inverse.data(); }

private:
    void damp_and_invert();

    std::vector<uint32_t> columns;
    std::vector<float> matrix, inverse;
};

}  // namespace densq::tool
