// SPDX-License-Identifier: MIT
// test_layout.cpp - layout.h: codes come back, each has its own bits, padding stays small.
#include <doctest/doctest.h>

#include <bit>

#include "codes.hpp"

using namespace densq::test;

namespace {

uint32_t some_code(const Shape &shape, uint32_t row, uint32_t col) {
    return (row * 2654435761u ^ col * 40503u) >> 7 & ((1u << shape.bits) - 1);
}

}  // namespace

TEST_CASE("codes come back, and none reaches out of the section") {
    for (const Shape &shape : many_shapes())
        for (const Side side : {Side::kEnd, Side::kBegin}) {
            Guarded<uint8_t> section(shape.bytes(), side);
            put_codes(section.data(), shape,
                      [&](uint32_t row, uint32_t col) { return some_code(shape, row, col); });
            size_t wrong = 0;
            for (uint32_t row = 0; row < shape.rows; ++row)
                for (uint32_t col = 0; col < shape.cols; ++col)
                    wrong +=
                        get_code(section.data(), shape, row, col) != some_code(shape, row, col);
            CAPTURE(shape.rows);
            CAPTURE(shape.cols);
            CAPTURE(shape.bits);
            REQUIRE(wrong == 0);
        }
}

TEST_CASE("no two codes share a bit") {
    for (const Shape &shape : many_shapes()) {
        std::vector<uint8_t> section(shape.bytes());
        put_codes(section.data(), shape,
                  [&](uint32_t, uint32_t) { return (1u << shape.bits) - 1; });
        size_t ones = 0;
        for (const uint8_t byte : section) ones += static_cast<size_t>(std::popcount(byte));
        REQUIRE(ones == static_cast<size_t>(shape.rows) * shape.cols * shape.bits);
    }
}

TEST_CASE("a section is whole lines, and its tiles follow one another") {
    for (const Shape &shape : many_shapes()) {
        uint64_t bytes = 0;
        for (uint32_t tile = 0; tile < densq_tile_count(shape.rows); ++tile)
            bytes += densq_tile_bytes(densq_tile_rows(shape.rows, tile), shape.cols, shape.bits);
        REQUIRE(bytes == shape.bytes());
        REQUIRE(bytes % DENSQ_LINE_BYTES == 0);
    }
    CHECK(densq_codes_bytes(1u << 24, 1u << 24, 4) == uint64_t{1} << 47);
}

TEST_CASE("at most 2 % of padding at common widths and 16 or more rows") {
    for (const uint32_t cols : {576u, 1536u, 4096u, 11008u})
        for (const uint32_t bits : {2u, 3u, 4u})
            for (uint32_t rows = 16; rows <= 300; ++rows) {
                const double least = static_cast<double>(rows) * cols * bits / 8;
                const double taken = static_cast<double>(densq_codes_bytes(rows, cols, bits));
                CAPTURE(cols);
                CAPTURE(bits);
                CAPTURE(rows);
                REQUIRE(taken <= least * 1.02);
            }
}

// The example of docs/format.md: 2 rows of 40 columns of 3 bits.
TEST_CASE("the documented example") {
    const Shape shape = {2, 40, 3};
    REQUIRE(shape.bytes() == 64);
    std::vector<uint8_t> section(64);
    put_codes(section.data(), shape, [](uint32_t row, uint32_t col) {
        if (row == 0) return col == 0 ? 5u : col == 39 ? 6u : 0u;
        return col == 1 ? 7u : col == 32 ? 3u : 0u;
    });
    std::vector<uint8_t> expected(64);
    expected[0] = 0x05;   // row 0, column 0: field 0, slot 0, bits 0..2
    expected[14] = 0x30;  // row 0, column 39: field 1, slot 7, bits 3..5
    expected[3] = 0x07;   // row 1, column 1: field 2, slot 1, bits 8..10
    expected[1] = 0x18;   // row 1, column 32: field 3, slot 0, bits 11..13
    CHECK(section == expected);
}
