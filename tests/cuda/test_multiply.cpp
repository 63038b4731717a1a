// SPDX-License-Identifier: MIT
// test_multiply.cpp - the CUDA kernels on the emulator against sums in double.
#include <cstring>
#include <new>

#include "multiply_case.hpp"

using namespace densq;
using namespace densq::test;

namespace {

// docs/cuda.md: activations are rounded to 2^-11, exact 2^-22, of themselves and to 2^-38 of the
// largest of their block; sums as in docs/precision.md.
double bound(const RandomMatrix &m, const Expected &e, const MultiplyOptions &options) {
    const double relative = options.exact ? 0x1p-22 : 0x1p-11;
    double error = relative * e.magnitude + 0x1p-38 * e.largest_centroid * e.block_maxima +
                   rounding_bound(m, e) + 0x1p-149;
    const double y = std::abs(e.y) + error;
    if (options.y_dtype == Dtype::kF16) error += std::max(0x1p-11 * y, 0x1p-25);
    if (options.y_dtype == Dtype::kBf16) error += 0x1p-8 * y;
    return error;
}

void check(const RandomMatrix &m, std::vector<float> x, const MultiplyOptions &options) {
    for (float &value : x) value = rounded(value, options.x_dtype);
    const std::vector<float> y = multiply_emulated(m, x, options);
    for (uint32_t b = 0; b < options.batch; ++b)
        for (uint32_t r = 0; r < m.rows; ++r) {
            const Expected e = expect(m, r, x.data() + size_t{b} * m.cols);
            const double error = std::abs(static_cast<double>(y[size_t{b} * m.rows + r]) - e.y);
            REQUIRE_MESSAGE(error <= bound(m, e, options),
                            m.rows, " x ", m.cols, ", ", m.bits, " bits, exact ", options.exact,
                            ", batch ", options.batch, ": row ", r, " of vector ", b, " is ",
                            y[size_t{b} * m.rows + r], ", not ", e.y);
        }
}

struct Shape {
    uint32_t rows, cols;
};

}  // namespace

TEST_CASE("all bits, precisions and odd shapes") {
    Random random(1);
    for (const uint32_t bits : {2u, 3u, 4u})
        for (const Shape shape : {Shape{1, 1}, {15, 33}, {16, 256}, {17, 257}, {33, 1000}})
            for (const Sparsity sparsity : {Sparsity::kNone, Sparsity::kSome})
                for (const bool exact : {false, true})
                    for (const uint32_t batch : {1u, 3u}) {
                        const RandomMatrix m =
                            make_matrix(shape.rows, shape.cols, bits, sparsity, random);
                        MultiplyOptions options;
                        options.exact = exact;
                        options.batch = batch;
                        options.x_gap = batch;
                        options.y_gap = 1;
                        check(m, make_activations(size_t{batch} * m.cols, random), options);
                    }
}
