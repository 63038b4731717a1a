// SPDX-License-Identifier: MIT
// test_read_rows.cpp - densq_read_rows: ranges, strides, arguments.
#include "content.hpp"
#include "tests/support/opened_files.hpp"

using namespace densq::test;

namespace {

// 17 x 70 of 3 bits with a sparse part: two tiles, a tail of three units.
struct Matrix17 {
    Opened opened = open_file(kGolden + "small.densq");
    const densq_file *file = opened.file.get();
    uint32_t index = UINT32_MAX;

    Matrix17() { REQUIRE(densq_find(file, DENSQ_MATRIX, "17x70.b3.s11", &index) == DENSQ_OK); }

    densq_status read(uint32_t row, uint32_t count, float *out, size_t stride) const {
        return densq_read_rows(file, index, row, count, out, stride);
    }
};

constexpr uint32_t kRows = 17, kCols = 70;

}  // namespace

TEST_CASE("every range of rows, at strides that leave gaps") {
    const Matrix17 matrix;
    const Formula formula("17x70.b3.s11");
    for (const size_t stride : {size_t{kCols}, size_t{kCols + 3}})
        for (uint32_t row = 0; row < kRows; ++row)
            for (uint32_t count = 1; count <= kRows - row; ++count) {
                // The last row ends at a page that must not be touched.
                Guarded<float> out((count - 1) * stride + kCols, Side::kEnd);
                std::fill_n(out.data(), (count - 1) * stride + kCols, -77.0f);
                REQUIRE(matrix.read(row, count, out.data(), stride) == DENSQ_OK);
                size_t wrong = 0;
                for (uint32_t r = 0; r < count; ++r) {
                    for (uint32_t c = 0; c < kCols; ++c)
                        wrong += out.data()[r * stride + c] != formula.weight(row + r, c);
                    for (size_t c = kCols; c < stride && r + 1 < count; ++c)
                        wrong += out.data()[r * stride + c] != -77.0f;
                }
                CHECK(wrong == 0);
            }
}

TEST_CASE("no rows") {
    const Matrix17 matrix;
    float out = -77.0f;
    CHECK(matrix.read(0, 0, &out, kCols) == DENSQ_OK);
    CHECK(matrix.read(kRows, 0, &out, SIZE_MAX) == DENSQ_OK);
    CHECK(out == -77.0f);
}

TEST_CASE("arguments") {
    const Matrix17 matrix;
    std::vector<float> out(kRows * kCols, -77.0f);
    CHECK(matrix.read(0, kRows + 1, out.data(), kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(kRows, 1, out.data(), kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(kRows + 1, 0, out.data(), kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(UINT32_MAX, 2, out.data(), kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(1, UINT32_MAX, out.data(), kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(0, 1, out.data(), kCols - 1) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(0, 2, out.data(), SIZE_MAX / 2) == DENSQ_ERR_ARGUMENT);
    CHECK(matrix.read(0, 1, nullptr, kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_read_rows(nullptr, 0, 0, 1, out.data(), kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_read_rows(matrix.file, densq_count(matrix.file, DENSQ_MATRIX), 0, 1, out.data(),
                          kCols) == DENSQ_ERR_ARGUMENT);
    CHECK(out == std::vector<float>(kRows * kCols, -77.0f));
}
