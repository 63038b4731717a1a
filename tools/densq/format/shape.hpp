// SPDX-License-Identifier: MIT
// shape.hpp - shapes of matrices and tensors as text, and back.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace densq::tool {

// "4096 x 11008"; empty for a scalar.
std::string shape_text(const std::vector<uint64_t> &shape, const char *between = " x ");

struct Shape {
    uint32_t rows, cols;
};

// "4096x11008"; nothing if the text is not ROWSxCOLS, or more than a file can hold.
std::optional<Shape> parse_shape(const std::string &text);

}  // namespace densq::tool
