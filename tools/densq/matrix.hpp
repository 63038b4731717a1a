// SPDX-License-Identifier: MIT
// matrix.hpp - quantizes one matrix: the paper's algorithm (sections 4.1 and 4.2).
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace densq::tool {

struct MatrixOptions {
    uint32_t bits;
    double outliers;   // fractions of all weights
    double sensitive;  // 0 without gradients
    uint32_t threads;
};

// Sections of a quantized matrix, as densq/format.h has them.
struct QuantizedMatrix {
    uint32_t rows, cols, bits;
    std::vector<uint16_t> lut;
    std::vector<uint8_t> codes;
    std::vector<uint32_t> row_ptr;  // always rows + 1, also without nonzeros
    std::vector<uint32_t> col;
    std::vector<uint16_t> val;
};

// Number of nonzeros that quantize_matrix makes, known from the shape.
uint64_t count_nonzeros(uint64_t weights, const MatrixOptions &options);

// Writes a row's cols values to `out`; called from any thread, several times for a row.
using RowReader = std::function<void(uint32_t row, float *out)>;

// weights: finite, at most 65504 in magnitude.  gradients: squared, >= 0, or empty for unweighted
// clustering.  Which weights go to the sparse part: the most sensitive first, then the largest of
// the others (all of them without gradients); among equals, those that come first.  Rows are read
// when they are needed, so that memory holds little more than the result.  `done(rows)` is called
// from any thread as rows are finished; it may throw to abandon the work.
QuantizedMatrix quantize_matrix(const RowReader &weights, const RowReader &gradients, uint32_t rows,
                                uint32_t cols, const MatrixOptions &options,
                                const std::function<void(uint32_t)> &done);

}  // namespace densq::tool
