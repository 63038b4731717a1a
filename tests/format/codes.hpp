// SPDX-License-Identifier: MIT
// codes.hpp - codes sections of many shapes, between guard pages.
#pragma once
#include <cstdint>
#include <vector>

#include "densq/layout.h"
#include "tests/kernels/guarded.hpp"

namespace densq::test {

struct Shape {
    uint32_t rows, cols, bits;

    size_t bytes() const { return static_cast<size_t>(densq_codes_bytes(rows, cols, bits)); }
};

// All residues of rows to tiles and of columns to units, blocks and the tail's groups.
inline std::vector<Shape> many_shapes() {
    std::vector<Shape> shapes;
    for (const uint32_t bits : {2u, 3u, 4u}) {
        for (uint32_t rows = 1; rows <= 33; ++rows)
            for (uint32_t cols = 1; cols <= 66; ++cols) shapes.push_back({rows, cols, bits});
        for (const uint32_t rows : {1u, 3u, 16u, 18u})
            for (uint32_t cols = 67; cols <= 1100; cols += cols % 32 ? 31 : 1)
                shapes.push_back({rows, cols, bits});
    }
    return shapes;
}

// A section that is filled by code(row, col).
template <typename Code>
void put_codes(uint8_t *section, const Shape &shape, Code code) {
    std::memset(section, 0, shape.bytes());
    for (uint32_t row = 0; row < shape.rows; ++row)
        for (uint32_t col = 0; col < shape.cols; ++col) {
            const densq_code_place place =
                densq_place_code(shape.rows, shape.cols, shape.bits, row, col);
            densq_put_code(section + place.group, shape.bits, place.field, place.slot,
                           code(row, col));
        }
}

inline uint32_t get_code(const uint8_t *section, const Shape &shape, uint32_t row, uint32_t col) {
    const densq_code_place place = densq_place_code(shape.rows, shape.cols, shape.bits, row, col);
    return densq_get_code(section + place.group, shape.bits, place.field, place.slot);
}

}  // namespace densq::test
