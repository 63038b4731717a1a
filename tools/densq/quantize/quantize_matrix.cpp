// SPDX-License-Identifier: MIT
#include "quantize_matrix.hpp"

#include "fisher_method.hpp"
#include "moments_method.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

struct NamedMethod {
    const char *name;
    const QuantizationMethod &method;
};

const FisherMethod kFisher{};
const MomentsMethod kMoments{};

const NamedMethod kMethods[] = {
    {kFisherMethod, kFisher},
    {kMomentsMethod, kMoments},
};

}  // namespace

std::vector<std::string> method_names() {
    std::vector<std::string> names;
    for (const NamedMethod &named : kMethods) names.emplace_back(named.name);
    return names;
}

QuantizationResult quantize_matrix(const MatrixSource &source, const MatrixRecipe &recipe,
                                   const Workers &workers) {
    for (const NamedMethod &named : kMethods)
        if (recipe.method == named.name) return named.method.quantize(source, recipe, workers);
    throw UsageError("'" + recipe.method + "' is no quantization method");
}

}  // namespace densq::tool
