// SPDX-License-Identifier: MIT
// tensor_selection.hpp - which tensors of a model become quantized matrices, and with how many
// bits.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tools/densq/format/safetensors.hpp"

namespace densq::tool {

// Patterns are shell globs over tensor names.
struct TensorSelection {
    uint32_t bits;
    std::vector<std::string> include, exclude, drop;
    std::vector<std::pair<std::string, uint32_t>> bits_for;  // of several that match, the last

    // Bits of the tensor's codes; 0: it stays plain.  The first of these that applies: an `exclude`
    // pattern: plain; a `bits_for` pattern: its bits; an `include` pattern, or without any of
    // them is_linear_layer: `bits`.
    uint32_t bits_of(const std::string &name, const SafeTensor &tensor) const;

    bool drops(const std::string &name) const;
};

// A two-dimensional "....N....weight": the linear layers of a decoder's blocks, and not embeddings,
// norms or the output head.
bool is_linear_layer(const std::string &name, const SafeTensor &tensor);

// DataError if a model of this config.json ("" if there is none) keeps its linear layers as
// [in][out], which is_linear_layer cannot tell from [out][in].
void refuse_transposed(const std::string &config);

}  // namespace densq::tool
