// SPDX-License-Identifier: MIT
// weight_scale.hpp - the scales of FP8 weights: a weight is its FP8 value times the scale of its
// block.  A block is a whole tensor, an expert, a row or column, or a rectangle of them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "safetensors.hpp"

namespace densq::tool {

class WeightScale {
public:
    // Nothing if the shapes do not fit: every dimension of `scale` is 1, that of `weights`, or the
    // number of blocks in it, where `block_shape` says how many rows and columns a block has.
    static std::optional<WeightScale> match(const SafeTensor &weights, const SafeTensor &scale,
                                            const std::vector<uint64_t> &block_shape);

    // Multiplies elements [begin, end) of the weights, which are at `values`.
    void apply(uint64_t begin, uint64_t end, float *values) const;

private:
    // Dimensions: expert, row, column.
    static constexpr size_t kDimensions = 3;
    using Dimensions = std::array<uint64_t, kDimensions>;

    WeightScale(const SafeTensor &scale_) : scale(&scale_) {}

    const SafeTensor *scale;
    Dimensions weights, blocks, block;  // how many weights, how many blocks, weights in a block
};

}  // namespace densq::tool
