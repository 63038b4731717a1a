// SPDX-License-Identifier: MIT
// quantization_method.hpp - what a quantization method is given, and what it is asked for.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/densq/format/quantized_matrix.hpp"

namespace densq::tool {

// Writes a row's values to `out`; called from any thread, several times for a row, so that memory
// holds little more than the result.
using RowReader = std::function<void(uint32_t row, float *out)>;

// A matrix, and what is known of how much its weights matter.
struct MatrixSource {
    uint32_t rows, cols;
    RowReader weights;    // finite, at most kLargestWeight in magnitude
    RowReader gradients;  // squared, >= 0; empty: none, every weight counts the same
    // Of row i the elements (i, i) to (i, cols - 1) of the second moments of the inputs, a matrix
    // of [cols, cols]; empty: none.
    RowReader moments;
};

constexpr float kLargestWeight = 65504;  // of fp16, which holds the sparse values

// The methods (quantize_matrix.hpp).
constexpr const char *kFisherMethod = "fisher";
constexpr const char *kMomentsMethod = "moments";

// Ways to select the sparse part (sparse_choice.hpp).
constexpr const char *kSelectMagnitude = "magnitude";
constexpr const char *kSelectError = "error";

// How a matrix is quantized; chosen for each when the whole model is planned.
struct MatrixRecipe {
    uint32_t bits;
    double outliers;   // shares of all weights that go to the sparse part
    double sensitive;  // 0 without gradients
    std::string method = kFisherMethod;
    std::string select = {};  // empty: the method's own
};

struct Workers {
    uint32_t threads;
    // Called from any thread as rows are finished; may throw to abandon the work.
    std::function<void(uint32_t rows)> done;
};

// A row is lost to fp16 if rounding its entries and sparse values to fp16 changes it by more than
// this part of its norm.  Above 2^-14, where halves are normal, rounding costs 2^-11 at most.
constexpr double kLostToFp16 = 0.01;

// Of a row, beside the Euclidean norm of its weights.
struct RowError {
    double all;      // what decoding gives differs by this from the weights
    double by_fp16;  // the part of it that comes from rounding entries and sparse values to fp16
};

// What the user of a matrix should know.
struct MatrixNotes {
    uint32_t rows_lost_to_fp16 = 0;
    double largest_error = 0;       // of these rows, relative to their norms
    uint32_t rows_mostly_zero = 0;  // with gradients that are mostly zero (gradient_floor.hpp)

    void add(const RowError &row) {
        if (row.by_fp16 <= kLostToFp16) return;
        ++rows_lost_to_fp16;
        largest_error = std::max(largest_error, row.all);
    }
    void add(const MatrixNotes &more) {
        rows_lost_to_fp16 += more.rows_lost_to_fp16;
        largest_error = std::max(largest_error, more.largest_error);
        rows_mostly_zero += more.rows_mostly_zero;
    }
};

struct QuantizationResult {
    QuantizedMatrix matrix;
    MatrixNotes notes;
};

// Moments are not positive semidefinite.
struct NoSecondMoments {};

class QuantizationMethod {
public:
    virtual ~QuantizationMethod() = default;

    // A matrix of the recipe's bits, with count_nonzeros (sparse_choice.hpp) sparse values: both
    // are planned before.  The same on any number of threads.
    virtual QuantizationResult quantize(const MatrixSource &source, const MatrixRecipe &recipe,
                                        const Workers &workers) const = 0;
};

}  // namespace densq::tool
