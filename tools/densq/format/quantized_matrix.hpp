// SPDX-License-Identifier: MIT
// quantized_matrix.hpp - the sections of a quantized matrix, as densq/format.h has them.
#pragma once
#include <cstdint>
#include <vector>

namespace densq::tool {

struct QuantizedMatrix {
    uint32_t rows, cols, bits;
    std::vector<uint16_t> lut;
    std::vector<uint8_t> codes;
    std::vector<uint32_t> row_ptr;  // always rows + 1, also without nonzeros
    std::vector<uint32_t> col;
    std::vector<uint16_t> val;
};

}  // namespace densq::tool
