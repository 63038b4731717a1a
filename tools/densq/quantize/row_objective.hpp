// SPDX-License-Identifier: MIT
// row_objective.hpp - by how much a quantized row changes what a layer computes.
//
// For inputs x of the layer, a row w that becomes q changes the output by (q - w) x.  The sum of
// its square is (q - w) H (q - w)^T, where H is the sum of x x^T: the second moment of the inputs.
// So errors of columns that go together can cancel each other out, and that is how codes are chosen
// (GPTQ, Frantar et al. 2022; weighted by gradients: GuidedQuant, Kim et al. 2025).
#pragma once
#include <cstdint>
#include <vector>

#include "aligned_vector.hpp"
#include "quantization_method.hpp"

namespace densq::tool {

// H, the same for all rows of a matrix, in the order in which its columns are worked on: from the
// last, which has the largest diagonal element, to the first.  It lies in blocks of columns.
class RowObjective {
public:
    static constexpr uint32_t kBlock = 64;  // columns

    // `moments`: as in MatrixSource.  May throw NoSecondMoments.
    RowObjective(uint32_t cols, const RowReader &moments);

    uint32_t cols() const { return static_cast<uint32_t>(columns.size()); }
    // The last may have columns beyond the matrix, which are zero.
    uint32_t blocks() const { return (cols() - 1) / kBlock + 1; }
    // The column of the matrix that is worked on at place p.
    uint32_t column(uint32_t p) const { return columns[p]; }

    // The power of two that H is multiplied by, so that its diagonal is 1 to 2 in the mean.
    float scale() const { return factor; }
    // What is then added to the diagonal.
    float damping() const { return damped; }

    // to += values H for some rows, [cols][rows] by places.
    void add_product(uint32_t rows, const float *values, float *to) const;

    // H, damped so that it has an inverse; symmetric: element (q, block * kBlock + i) for q < cols
    // at [q * kBlock + i].
    const float *moment(uint32_t block) const {
        return matrix.data() + size_t{block} * cols() * kBlock;
    }
    // The inverse of its lower Cholesky factor: element (block * kBlock + i, q) for q <
    // (block + 1) * kBlock at [q * kBlock + i].
    const float *inverse_factor(uint32_t block) const {
        return inverse.data() + size_t{block} * (block + 1) / 2 * kBlock * kBlock;
    }

private:
    bool invert(const RowReader &moments);

    std::vector<uint32_t> columns, place;  // columns[place[c]] = c
    float factor = 1, damped = 0;
    AlignedVector<float> matrix, inverse;
};

}  // namespace densq::tool
