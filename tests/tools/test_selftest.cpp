// SPDX-License-Identifier: MIT
// test_selftest.cpp - whether `densq selftest` sees what is wrong.
#include <doctest/doctest.h>

#include <cmath>

#include "densq/layout.h"
#include "tools/densq/measure/selftest_reference.hpp"
#include "tools/densq/format/widths.hpp"

using namespace densq::tool;

namespace {

// The products of one matrix judged by the sums of another.
Comparison compare(const MatrixImage &image, const MatrixImage &judge, densq_precision precision) {
    const std::vector<float> x(image.cols, 1.0f);
    const std::vector<Expected> got = Reference(image).multiply(x);
    const std::vector<Expected> expected = Reference(judge).multiply(x);
    Comparison comparison;
    for (uint32_t row = 0; row < image.rows; ++row)
        comparison.add(
            0, row, got[row].y, expected[row].y,
            allowed_error(expected[row], image.cols, Arithmetic::kCpu, precision, DENSQ_F32));
    return comparison;
}

}  // namespace

TEST_CASE("a matrix agrees with itself; one with another table entry or nonzero does not") {
    for (const uint32_t bits : all_widths()) {
        const MatrixImage image = make_matrix_image(20, 600, bits, 40);
        const Comparison same = compare(image, image, DENSQ_EXACT);
        CHECK(same.outputs == 20);
        CHECK(same.wrong == 0);
        CHECK(same.worst == 0);
        CHECK(same.first_wrong.empty());

        MatrixImage other = image;  // the first entry of row 3's table; the last nonzero's value
        const size_t entry = image.begin + (size_t{3} << bits) * 2;
        other.bytes[entry + 1] ^= 0x80;
        const densq_section val = densq_place_sections(20, 600, bits, 40).val;
        other.bytes[image.begin + val.offset + val.bytes - 1] ^= 0x80;
        const Comparison wrong = compare(image, other, DENSQ_EXACT);
        CHECK(wrong.wrong == 2);
        CHECK(wrong.worst > 1);
        CHECK(wrong.first_wrong.find("row 3 of vector 0 is ") == 0);
    }
}

TEST_CASE("an output that is not a number is wrong, whatever comes after it") {
    Comparison comparison;
    comparison.add(0, 0, std::nan(""), 1, 0.5);
    comparison.add(2, 7, 1.25, 1, 0.5);
    CHECK(comparison.outputs == 2);
    CHECK(comparison.wrong == 1);
    CHECK(std::isinf(comparison.worst));
    comparison.add(2, 8, HUGE_VAL, 1, 0.5);
    CHECK(comparison.wrong == 2);
}

TEST_CASE("what is allowed grows with what is rounded") {
    const Expected expected{100, 1000, 1, 500};
    constexpr double kRoundings = 544 * 0x1p-24;
    const auto allowed = [&](Arithmetic arithmetic, densq_precision precision, densq_dtype dtype) {
        return allowed_error(expected, 4096, arithmetic, precision, dtype);
    };
    const double exact = allowed(Arithmetic::kCpu, DENSQ_EXACT, DENSQ_F32);
    CHECK(exact == doctest::Approx(kRoundings * 1000));
    CHECK(allowed(Arithmetic::kCpu, DENSQ_FAST, DENSQ_F32) ==
          doctest::Approx(exact + 0x1p-13 * 1.13 * 500 * (1 + kRoundings)));
    const Expected in_bytes{100, 1000, 1, 0, 0.01, 500};
    CHECK(allowed_error(in_bytes, 4096, Arithmetic::kCpu, DENSQ_INT8, DENSQ_F32) ==
          doctest::Approx(exact + 1.01 * 500 * (0.01 + 1.01 / 254) * (1 + kRoundings) +
                          3 * 500 * kRoundings));
    CHECK(allowed(Arithmetic::kCuda, DENSQ_FAST, DENSQ_F32) ==
          doctest::Approx(exact + 0x1p-11 * 1000 * (1 + kRoundings)));
    CHECK(allowed(Arithmetic::kCpu, DENSQ_EXACT, DENSQ_F16) >= exact + 0x1p-11 * 100);
    CHECK(allowed(Arithmetic::kCpu, DENSQ_EXACT, DENSQ_BF16) >= exact + 0x1p-8 * 100);
}
