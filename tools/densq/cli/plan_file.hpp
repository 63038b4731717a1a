// SPDX-License-Identifier: MIT
// plan_file.hpp - a plan as a file, so that several machines each quantize a part of a model.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "commands.hpp"
#include "tools/densq/format/output_target.hpp"
#include "tools/densq/quantize/model_plan.hpp"

namespace densq::tool {

// Of the values of tensors, by name.
using Checksums = std::map<std::string, uint32_t>;

struct InputChecksums {
    Checksums model, gradients, moments;
};

// The number of layers of a plan: tensors of the same layer_number; those without one belong to
// layer 0.
uint64_t count_layers(const ModelPlan &plan);
uint64_t layer_of(const std::string &tensor);

// Equal for equal results: of everything that determines the file's bytes.
uint64_t fingerprint_of(const ModelPlan &plan, const InputChecksums &checksums);

void write_plan_file(const OutputTarget &target, const QuantizeOptions &options,
                     const ModelPlan &plan, const InputChecksums &checksums);

struct StoredPlan {
    QuantizeOptions options;  // those that determine the result, and the inputs
    InputChecksums checksums;
    uint64_t fingerprint;
    std::map<std::string, MatrixRecipe> recipes;  // of a budget; else empty
};

StoredPlan read_plan_file(const std::string &path);

}  // namespace densq::tool
