// SPDX-License-Identifier: MIT
#include "model_budget.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "loss_estimate.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/widths.hpp"

namespace densq::tool {
namespace {

constexpr double kShares[] = {0, 0.5, 1, 2, 4};  // of what the options say

[[noreturn]] void refuse(const SharedBudget &budget, double least_bits) {
    char text[120];
    std::snprintf(text, sizeof text, "%s %g: the smallest matrices take %.3f bits a weight",
                  budget.by_bits_for ? kBitsFor : "--budget", budget.bits,
                  std::ceil(1000 * least_bits) / 1000);
    throw UsageError(text);
}

}  // namespace

std::vector<MatrixRecipe> recipes_to_try(const MatrixRecipe &base) {
    std::vector<MatrixRecipe> recipes;
    for (const uint32_t bits : all_widths())
        for (const double share : kShares) {
            MatrixRecipe recipe = base;
            recipe.bits = bits;
            recipe.outliers = std::min(1.0, base.outliers * share);
            recipe.sensitive = std::min(1.0, base.sensitive * share);
            recipes.push_back(recipe);
            if (base.outliers == 0 && base.sensitive == 0) break;
        }
    return recipes;
}

ModelBudget::ModelBudget(const SharedBudget &budget_, const ModelPlan &plan) : budget(budget_) {
    double least = 0, all = 0;
    for (const auto &[name, planned] : plan.matrices) {
        if (planned.budget != budget) continue;
        const MatrixPlan &matrix = plan.file.matrices.at(name);
        const MatrixRecipe smallest = recipes_to_try(planned.recipe).front();
        least += static_cast<double>(matrix_bytes(matrix.rows, matrix.cols, smallest));
        all += static_cast<double>(matrix.rows) * matrix.cols;
    }
    if (8 * least > budget.bits * all) refuse(budget, 8 * least / all);
}

void ModelBudget::add(const std::string &name, const MatrixSource &source, const MatrixRecipe &base,
                      const Workers &workers) {
    std::vector<MatrixRecipe> recipes = recipes_to_try(base);
    ways.emplace_back();
    if (source.gradients || source.moments) {
        const LossEstimate estimate(source, base.method);
        for (const MatrixRecipe &recipe : recipes)
            ways.back().push_back(
                {matrix_bytes(source.rows, source.cols, recipe), estimate.of(recipe, workers)});
    } else {
        recipes = {base};
        recipes[0].bits = std::clamp(static_cast<uint32_t>(budget.bits), uint32_t{DENSQ_MIN_BITS},
                                     uint32_t{DENSQ_MAX_BITS});
        ways.back().push_back({matrix_bytes(source.rows, source.cols, recipes[0]), 0});
    }
    matrices.push_back({name, recipes});
    weights += static_cast<double>(source.rows) * source.cols;
}

void ModelBudget::spend(ModelPlan *plan) const {
    const auto spent = spend_budget(ways, static_cast<uint64_t>(budget.bits * weights / 8));
    if (!spent) {
        double least = 0;
        for (const auto &of_matrix : ways)
            least += static_cast<double>(smallest_way(of_matrix).bytes);
        refuse(budget, 8 * least / weights);
    }
    for (size_t i = 0; i < matrices.size(); ++i) {
        const MatrixRecipe &chosen = matrices[i].recipes[spent->ways[i]];
        MatrixRecipe recipe = plan->matrices.at(matrices[i].name).recipe;
        recipe.bits = chosen.bits;
        recipe.outliers = chosen.outliers;
        recipe.sensitive = chosen.sensitive;
        change_recipe(plan, matrices[i].name, recipe);
    }
}

}  // namespace densq::tool
