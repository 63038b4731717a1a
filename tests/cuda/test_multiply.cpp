// SPDX-License-Identifier: MIT
// test_multiply.cpp - the CUDA kernels on the emulator against sums in double.
#include <cstring>
#include <new>

#include "multiply_case.hpp"

using namespace densq;
using namespace densq::test;

namespace {

// docs/cuda.md: activations are rounded to 2^-11, exact 2^-22, of themselves and to 2^-38 of the
// largest of their span; sums as in docs/precision.md.
double bound(const RandomMatrix &m, const Expected &e, const MultiplyOptions &options) {
    const double relative = options.exact ? 0x1p-22 : 0x1p-11;
    double error = relative * e.magnitude + 0x1p-38 * e.largest_centroid * e.span_maxima +
                   rounding_bound(m, e, DENSQ_EXACT) + 0x1p-149;
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
            REQUIRE_MESSAGE(error <= bound(m, e, options), m.rows, " x ", m.cols, ", ", m.bits,
                            " bits, exact ", options.exact, ", batch ", options.batch, ": row ", r,
                            " of vector ", b, " is ", y[size_t{b} * m.rows + r], ", not ", e.y);
        }
}

struct Shape {
    uint32_t rows, cols;
};

}  // namespace

TEST_CASE("all bits, precisions and odd shapes") {
    Random random(1);
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
        for (const Shape shape : {Shape{1, 1}, {15, 33}, {16, 256}, {17, 257}, {33, 1000}})
            for (const Sparsity sparsity : {Sparsity::kNone, Sparsity::kSome})
                for (const bool exact : {false, true})
                    for (const uint32_t batch : {1u, 2u, 3u, 8u, 16u, 17u, 67u}) {
                        if (size_t{batch} * shape.rows * shape.cols > 300000) continue;
                        const RandomMatrix m =
                            make_matrix(shape.rows, shape.cols, bits, sparsity, random);
                        MultiplyOptions options;
                        options.exact = exact;
                        options.batch = batch;
                        options.x_gap = batch % 2;
                        options.y_gap = 1;
                        check(m, make_activations(size_t{batch} * m.cols, random), options);
                    }
}

TEST_CASE("several tiles of rows, all slices of columns, heavy rows") {
    Random random(2);
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
        for (const Sparsity sparsity : {Sparsity::kOneRow, Sparsity::kOneColumn})
            for (const uint32_t batch : {1u, 18u}) {
                const RandomMatrix m = make_matrix(bits == 3 ? 100 : 17, bits == 4 ? 4100 : 2305,
                                                   bits, sparsity, random);
                MultiplyOptions options;
                options.batch = batch;
                options.exact = bits != 3;
                check(m, make_activations(size_t{batch} * m.cols, random), options);
            }
}

TEST_CASE("more than 65536 columns, more vectors than a launch takes") {
    Random random(3);
    MultiplyOptions options;
    for (const uint32_t batch : {1u, 9u}) {
        const RandomMatrix m = make_matrix(2, 65537 + 300, 3, Sparsity::kOneColumn, random);
        options.batch = batch;
        check(m, make_activations(size_t{batch} * m.cols, random), options);
    }
    const RandomMatrix m = make_matrix(2, 3, 4, Sparsity::kSome, random);
    options.batch = 515;
    options.y_gap = 3;
    check(m, make_activations(size_t{options.batch} * m.cols, random), options);
}

TEST_CASE("types of activations and outputs") {
    Random random(4);
    const RandomMatrix m = make_matrix(18, 300, 3, Sparsity::kSome, random);
    for (const Dtype x : {Dtype::kF32, Dtype::kF16, Dtype::kBf16})
        for (const Dtype y : {Dtype::kF32, Dtype::kF16, Dtype::kBf16})
            for (const uint32_t batch : {1u, 33u}) {
                MultiplyOptions options;
                options.x_dtype = x;
                options.y_dtype = y;
                options.batch = batch;
                options.x_gap = options.y_gap = 1;
                check(m, make_activations(size_t{batch} * m.cols, random), options);
            }
}

TEST_CASE("outliers, subnormal and huge activations") {
    Random random(5);
    const RandomMatrix m = make_matrix(17, 700, 4, Sparsity::kSome, random);
    for (const bool exact : {false, true})
        for (const float scale : {1.0f, 0x1p-130f, 0x1p-149f, 0x1p110f, 0.0f}) {
            std::vector<float> x = make_activations(m.cols, random);
            for (float &value : x) value *= scale;
            x[300] *= 1000;
            MultiplyOptions options;
            options.exact = exact;
            check(m, x, options);
        }
}

TEST_CASE("activations just below a tie: the fast precision's bound is almost reached") {
    Random random(8);
    RandomMatrix m = make_matrix(3, 600, 4, Sparsity::kNone, random);
    for (uint16_t &entry : m.lut) entry = densq_f32_to_f16(0.5f);
    std::fill(m.dense.begin(), m.dense.end(), 0.5);
    const std::vector<float> x(m.cols, 1 + 0x1p-11f - 0x1p-22f);
    MultiplyOptions options;
    options.exact = false;
    check(m, x, options);
    const Expected e = expect(m, 0, x.data());
    const double error = e.y - static_cast<double>(multiply_emulated(m, x, options)[0]);
    CHECK(error > 0.99 * 0x1p-11 * e.magnitude);
    options.exact = true;
    check(m, x, options);
}

TEST_CASE("an infinite or NaN activation spoils its vector only") {
    Random random(6);
    const RandomMatrix m = make_matrix(17, 520, 2, Sparsity::kSome, random);
    for (const float bad : {INFINITY, -INFINITY, std::nanf("")})
        for (const uint32_t batch : {2u, 20u})
            for (const uint32_t at : {0u, 519u}) {
                MultiplyOptions options;
                options.batch = batch;
                options.exact = at != 0;
                std::vector<float> x = make_activations(size_t{batch} * m.cols, random);
                const std::vector<float> before = multiply_emulated(m, x, options);
                x[m.cols + at] = bad;
                const std::vector<float> after = multiply_emulated(m, x, options);
                for (size_t i = 0; i < after.size(); ++i) {
                    if (i / m.rows == 1)
                        REQUIRE(!std::isfinite(after[i]));
                    else
                        REQUIRE(after[i] == before[i]);
                }
            }
}

TEST_CASE("the bits depend on neither the order of threads nor the rest of the batch") {
    Random random(7);
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits)
        for (const Sparsity sparsity : {Sparsity::kSome, Sparsity::kOneRow})
            for (const bool exact : {false, true}) {
                const RandomMatrix m = make_matrix(17, 2100, bits, sparsity, random);
                MultiplyOptions options;
                options.exact = exact;
                options.batch = 35;
                const std::vector<float> x = make_activations(size_t{35} * m.cols, random);
                const std::vector<float> all = multiply_emulated(m, x, options);
                for (const uint32_t batch : {1u, 5u, 16u}) {
                    const uint32_t first = 35 - batch;
                    options.batch = batch;
                    options.emulator = {.seed = 10 + batch, .switch_at_accesses = batch == 5};
                    const std::vector<float> some =
                        multiply_emulated(m, {x.begin() + first * m.cols, x.end()}, options);
                    REQUIRE(std::memcmp(some.data(), all.data() + size_t{first} * m.rows,
                                        some.size() * sizeof(float)) == 0);
                }
            }
}
