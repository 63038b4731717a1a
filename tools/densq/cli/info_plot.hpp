// SPDX-License-Identifier: MIT
// info_plot.hpp - the pictures of densq info --plot.
#pragma once
#include <string>
#include <vector>

#include "file_facts.hpp"

namespace densq::tool {

// A row of a matrix, before and after.
struct PlottedRow {
    std::string matrix;
    uint32_t row;
    std::vector<float> weights;    // of the original model
    std::vector<float> centroids;  // ascending
    std::vector<bool> sparse;      // of each weight: whether it is in the sparse part
};

// Bits and sparse share by layer, and below that the row, if there is one.
std::string plot_svg(const FileFacts &facts, const PlottedRow *row);

}  // namespace densq::tool
