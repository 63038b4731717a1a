// SPDX-License-Identifier: MIT
#include "shape.hpp"

#include <cstdio>

#include "densq/format.h"

namespace densq::tool {

std::string shape_text(const std::vector<uint64_t> &shape, const char *between) {
    std::string text;
    for (const uint64_t dimension : shape)
        text += (text.empty() ? "" : between) + std::to_string(dimension);
    return text;
}

std::optional<Shape> parse_shape(const std::string &text) {
    Shape shape = {0, 0};
    int end = 0;
    if (std::sscanf(text.c_str(), "%8ux%8u%n", &shape.rows, &shape.cols, &end) != 2 ||
        text[static_cast<size_t>(end)] != '\0' || shape.rows == 0 || shape.cols == 0 ||
        shape.rows > DENSQ_MAX_DIMENSION || shape.cols > DENSQ_MAX_DIMENSION)
        return std::nullopt;
    return shape;
}

}  // namespace densq::tool
