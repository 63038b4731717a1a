// SPDX-License-Identifier: MIT
// tensor_rules.hpp - what a tensor of a checkpoint is, told by its shape, its name and the model's
// configuration, and what becomes of it unless the user says something else.
#pragma once
#include <optional>
#include <string>

#include "tools/densq/format/model_config.hpp"
#include "tools/densq/format/safetensors.hpp"

namespace densq::tool {

enum class Fate { kQuantized, kPlain, kLeftOut };

// Tensors that have the same fate for the same reason.
struct TensorGroup {
    const char *title;
    Fate fate;
    const char *why;
};

const TensorGroup &group_of(const std::string &name, const SafeTensor &tensor,
                            const ModelConfig &config);

// How the matrices of a stack of experts lie in a tensor of three dimensions: [experts, out, in],
// as a linear layer keeps its weights, or [experts, in, out].
enum class ExpertLayout { kOutIn, kInOut };

// Nothing if neither the sizes nor the model's type tell.
std::optional<ExpertLayout> find_expert_layout(const std::string &name, const SafeTensor &tensor,
                                               const ModelConfig &config);

// The number of the layer that a tensor belongs to: the first part of its dotted name, but for the
// last one, that is a number.
std::optional<uint64_t> layer_number(const std::string &name);

// Why the linear layers of such a model cannot be chosen by shape; empty if they can.
std::string transposed_layers(const ModelConfig &config);

}  // namespace densq::tool
