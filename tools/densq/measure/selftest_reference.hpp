// SPDX-License-Identifier: MIT
// selftest_reference.hpp - products in double, and whether a backend's products are close enough to
// them.
#pragma once
#include <string>
#include <vector>

#include "matrix_image.hpp"
#include "densq/densq.h"

namespace densq::tool {

// An output in double, and the numbers that error bounds are computed from.
struct Expected {
    double y = 0;
    double magnitude = 0;         // sum_c |w x|, dense and sparse part apart
    double largest_centroid = 0;  // of the row
    double span_maxima = 0;       // sum over spans of 256 columns: columns * max |x|
    double half_step = 0;         // of the finest grid that the row's LUT may be on (int8)
    double lane_maxima = 0;       // sum over the lanes of blocks: columns * max |x|
};

// The matrix of an image, decoded with densq/layout.h and densq/half.h alone.
class Reference {
public:
    explicit Reference(const MatrixImage &image);

    // Multiplies x, [batch][cols].  Returns y as [batch][rows].
    std::vector<Expected> multiply(const std::vector<float> &x) const;

    const uint32_t rows, cols;

private:
    template <typename Column>
    void set_columns(const std::vector<Column> &columns);
    Expected multiply_row(uint32_t row, const float *x) const;

    struct Nonzero {
        uint32_t col;
        float value;
    };
    std::vector<float> dense;  // [rows][cols]
    struct Centroids {
        double largest, half_step;
    };
    std::vector<Centroids> centroids;
    std::vector<uint32_t> row_ptr;
    std::vector<Nonzero> nonzeros;
};

enum class Arithmetic { kCpu, kCuda };

// The largest error that docs/precision.md (CPU) or docs/cuda.md allows an output.
double allowed_error(const Expected &expected, uint32_t cols, Arithmetic arithmetic,
                     densq_precision precision, densq_dtype y_dtype);

struct Comparison {
    size_t outputs = 0, wrong = 0;
    double worst = 0;         // largest error, as a share of what is allowed
    std::string first_wrong;  // "row 3 of vector 1 is 7.5, not 7.25"

    // Counts one more output.  `error` and `allowed` are positive; `error` may be NaN.
    void add(uint32_t vector, uint32_t row, double y, double expected, double allowed);
};

}  // namespace densq::tool
