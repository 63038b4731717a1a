// SPDX-License-Identifier: MIT
// blas.hpp - products of matrices of floats by OpenBLAS.  Each call runs in the thread that makes
// it, so that results do not depend on the number of threads; matrices lie column by column.
#pragma once
#include <cstddef>
#include <cstdint>

namespace densq::tool {

// A matrix: element (i, j) at data[i + j * stride], or transposed at data[j + i * stride].
struct ConstView {
    const float *data;
    size_t stride;
    bool transposed = false;
};

// c[m][n] += factor * a[m][k] * b[k][n]
void add_product(uint32_t m, uint32_t n, uint32_t k, float factor, ConstView a, ConstView b,
                 float *c, size_t c_stride);

// Turns a symmetric positive definite matrix, of which only the elements i >= j are read, into its
// lower Cholesky factor, and that into its inverse.  Returns false if it is not positive definite.
bool invert_cholesky_factor(uint32_t n, float *matrix);

}  // namespace densq::tool
