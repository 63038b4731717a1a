// SPDX-License-Identifier: MIT
#include "model_plan.hpp"

#include <algorithm>

#include "sparse_choice.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/plain_tensor.hpp"

namespace densq::tool {
namespace {

MatrixPlan plan_matrix(const std::string &name, const SafeTensor &tensor,
                       const MatrixRecipe &recipe) {
    const uint64_t nnz = count_nonzeros(tensor.elements(), recipe);
    if (nnz > DENSQ_MAX_NNZ)
        throw DataError("tensor '" + name + "': " + std::to_string(nnz) +
                        " sparse values are more than a matrix can have; lower --outliers");
    return {static_cast<uint32_t>(tensor.shape[0]), static_cast<uint32_t>(tensor.shape[1]),
            recipe.bits, static_cast<uint32_t>(nnz)};
}

TensorPlan plan_tensor(const std::string &name, const SafeTensor &tensor) {
    const std::string advice = "; leave the tensor out with --drop '" + name + "'";
    if (!is_float(tensor))
        throw DataError("tensor '" + name + "': a densq file cannot hold dtype " + tensor.dtype +
                        advice);
    if (tensor.shape.size() > DENSQ_MAX_TENSOR_DIMENSIONS || tensor.elements() == 0 ||
        tensor.elements() > DENSQ_MAX_TENSOR_ELEMENTS ||
        std::any_of(tensor.shape.begin(), tensor.shape.end(),
                    [](uint64_t dimension) { return dimension > UINT32_MAX; }))
        throw DataError("tensor '" + name + "': a densq file cannot hold shape " +
                        tensor.shape_text() + advice);
    TensorPlan planned = {plain_dtype(tensor), {}};
    for (const uint64_t dimension : tensor.shape)
        planned.shape.push_back(static_cast<uint32_t>(dimension));
    return planned;
}

}  // namespace

ModelPlan plan_model(const Checkpoint &model, const TensorSelection &selection,
                     const MatrixRecipe &common) {
    ModelPlan plan;
    for (const auto &[name, entry] : model.tensors) {
        if (selection.drops(name)) continue;
        MatrixRecipe recipe = common;
        recipe.bits = selection.bits_of(name, *entry.tensor);
        if (recipe.bits == 0) {
            plan.file.tensors[name] = plan_tensor(name, *entry.tensor);
            continue;
        }
        plan.file.matrices[name] = plan_matrix(name, *entry.tensor, recipe);
        plan.recipes[name] = recipe;
    }
    return plan;
}

}  // namespace densq::tool
