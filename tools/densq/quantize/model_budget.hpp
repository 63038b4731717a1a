// SPDX-License-Identifier: MIT
// model_budget.hpp - bits and sparse shares of the matrices of a model that together lose the least
// in a given number of bits a weight.
#pragma once
#include <functional>

#include "bit_budget.hpp"
#include "matrix_inputs.hpp"

namespace densq::tool {

// The recipes that a matrix is tried with: all bits, and several times the shares of `base`.
std::vector<MatrixRecipe> recipes_to_try(const MatrixRecipe &base);

class ModelBudget {
public:
    // Of the matrices of the plan that share it.  UsageError if the smallest recipes take more.
    ModelBudget(const SharedBudget &budget, const ModelPlan &plan);

    // Tries a matrix; may throw NoSecondMoments.  One of which neither gradients nor moments say
    // anything gets the bits of the budget, rounded down.
    void add(const std::string &name, const MatrixSource &source, const MatrixRecipe &base,
             const Workers &workers);

    // When all are added: changes the recipes of the plan.
    void spend(ModelPlan *plan) const;

private:
    struct Tried {
        std::string name;
        std::vector<MatrixRecipe> recipes;
    };

    SharedBudget budget;
    double weights = 0;
    std::vector<Tried> matrices;
    std::vector<std::vector<StoringWay>> ways;  // of each matrix, of each recipe
};

}  // namespace densq::tool
