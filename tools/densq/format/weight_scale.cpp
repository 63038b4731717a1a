// SPDX-License-Identifier: MIT
#include "weight_scale.hpp"

#include <algorithm>

namespace densq::tool {
namespace {

// The shape of scales with as many dimensions as that of their weights: one scale is for all
// weights, and a list of them for the rows, or experts.
std::vector<uint64_t> expand_shape(std::vector<uint64_t> scale, size_t dimensions) {
    if (std::all_of(scale.begin(), scale.end(), [](uint64_t count) { return count == 1; }))
        return std::vector<uint64_t>(dimensions, 1);
    if (scale.size() == 1) scale.resize(dimensions, 1);
    return scale;
}

uint64_t blocks_in(uint64_t weights, uint64_t block) {
    return weights / block + (weights % block != 0);
}

}  // namespace

std::optional<WeightScale> WeightScale::match(const SafeTensor &weights, const SafeTensor &scale,
                                              const std::vector<uint64_t> &block_shape) {
    const std::vector<uint64_t> shape = expand_shape(scale.shape, weights.shape.size());
    if (weights.elements() == 0 || shape.size() != weights.shape.size() ||
        shape.size() > kDimensions)
        return std::nullopt;
    WeightScale matched(scale);
    matched.weights = matched.blocks = matched.block = {1, 1, 1};
    const size_t first = kDimensions - shape.size();
    for (size_t i = 0; i < shape.size(); ++i) {
        const uint64_t count = weights.shape[i];
        const size_t from_end = shape.size() - i;
        uint64_t block = 0;
        if (shape[i] == 1)
            block = count;
        else if (shape[i] == count)
            block = 1;
        else if (from_end <= block_shape.size())
            block = block_shape[block_shape.size() - from_end];
        if (block == 0 || blocks_in(count, block) != shape[i]) return std::nullopt;
        matched.weights[first + i] = count;
        matched.blocks[first + i] = shape[i];
        matched.block[first + i] = block;
    }
    return matched;
}

void WeightScale::apply(uint64_t begin, uint64_t end, float *values) const {
    const auto &[experts, rows, cols] = weights;
    std::vector<float> scales(blocks[2]);
    for (uint64_t at = begin; at < end;) {
        const uint64_t row = at / cols % rows, expert = at / cols / rows;
        const uint64_t first = (expert / block[0] * blocks[1] + row / block[1]) * blocks[2];
        read_floats(*scale, first, first + blocks[2], scales.data());
        for (const uint64_t row_end = std::min(end, at - at % cols + cols); at < row_end; ++at)
            *values++ *= scales[at % cols / block[2]];
    }
}

}  // namespace densq::tool
