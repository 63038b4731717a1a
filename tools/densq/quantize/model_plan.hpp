// SPDX-License-Identifier: MIT
// model_plan.hpp - decides, before any matrix is quantized, what becomes of each tensor of a model.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quantization_method.hpp"
#include "tensor_selection.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/file_writer.hpp"

namespace densq::tool {

// Where the weights of a matrix are: a whole tensor, or a slice of a stack of experts.
struct MatrixOrigin {
    std::string tensor;
    uint64_t slice = 0;
    bool stacked = false;
    bool transposed = false;  // the slice is [columns][rows]
};

struct PlannedMatrix {
    MatrixRecipe recipe;
    MatrixOrigin origin;
    std::string group, why;              // of its group
    std::optional<SharedBudget> budget;  // that is to choose the recipe
};

// Tensors that have the same fate for the same reason.
struct GroupTotals {
    Fate fate;
    std::string title, why;
    uint64_t tensors = 0, weights = 0, bytes = 0;  // bytes in the file

    // Plain, and not because an option says so.
    bool plain_by_rule() const { return fate == Fate::kPlain && !why.starts_with("--"); }
};

struct ModelPlan {
    std::map<std::string, PlannedMatrix> matrices;  // of the file
    FilePlan file;                                  // without metadata
    std::vector<GroupTotals> groups;                // quantized, plain, left out; the largest first
    std::vector<std::string> notices;               // what the user should know of it
};

// Every matrix gets the bits of the selection and else what `common` says.  DataError if tensors
// can neither be quantized nor be kept as they are: all of them in one message.
ModelPlan plan_model(const Checkpoint &model, const ModelConfig &config,
                     const TensorSelection &selection, TensorChooser *chooser,
                     const MatrixRecipe &common);

// The matrix is quantized by another recipe.
void change_recipe(ModelPlan *plan, const std::string &name, const MatrixRecipe &recipe);

// Of a matrix in the file.
uint64_t matrix_bytes(uint32_t rows, uint32_t cols, const MatrixRecipe &recipe);

}  // namespace densq::tool
