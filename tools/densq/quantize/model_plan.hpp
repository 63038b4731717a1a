// SPDX-License-Identifier: MIT
// model_plan.hpp - decides, before any matrix is quantized, how each one will be.
#pragma once
#include <map>
#include <string>

#include "quantization_method.hpp"
#include "tensor_selection.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/file_writer.hpp"

namespace densq::tool {

struct ModelPlan {
    std::map<std::string, MatrixRecipe> recipes;  // of the file's matrices
    FilePlan file;                                // without metadata
};

// Every matrix gets the bits of the selection and else what `common` says.  DataError if a tensor
// can neither be quantized nor be kept as it is.
ModelPlan plan_model(const Checkpoint &model, const TensorSelection &selection,
                     const MatrixRecipe &common);

}  // namespace densq::tool
