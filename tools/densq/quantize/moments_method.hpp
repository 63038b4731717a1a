// SPDX-License-Identifier: MIT
// moments_method.hpp - tables, codes and sparse values that change the outputs of the layer as
// little as can be found (row_objective.hpp), beginning with what the paper's algorithm finds.
#pragma once
#include "quantization_method.hpp"
#include "row_objective.hpp"

namespace densq::tool {

// `objective`: of the source's moments.
QuantizationResult quantize_by_moments(const MatrixSource &source, const RowObjective &objective,
                                       const MatrixRecipe &recipe, const Workers &workers);

class MomentsMethod : public QuantizationMethod {
public:
    // `source` has moments.
    QuantizationResult quantize(const MatrixSource &source, const MatrixRecipe &recipe,
                                const Workers &workers) const override;
};

}  // namespace densq::tool
