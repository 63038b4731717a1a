// SPDX-License-Identifier: MIT
// loss_estimate.hpp - what quantizing a matrix costs the model, by trying it with some of its rows.
#pragma once
#include <optional>
#include <vector>

#include "quantization_method.hpp"
#include "row_objective.hpp"

namespace densq::tool {

// Of so many rows.
uint32_t rows_to_try(uint32_t rows);

// The change of the model's loss, to second order, in units that are the same for all matrices of a
// model: the sum of g (q - w)^2 over all weights w that become q; where there are moments of the
// scale of the gradients, and `method` uses them, that of (q - w) H (q - w)^T over the rows.
class LossEstimate {
public:
    // Keeps a reference to `source`.  May throw NoSecondMoments.
    LossEstimate(const MatrixSource &source, const std::string &method);
    LossEstimate(const LossEstimate &) = delete;
    LossEstimate &operator=(const LossEstimate &) = delete;

    // `workers`: its rows are those that are tried.
    double of(const MatrixRecipe &recipe, const Workers &workers) const;

private:
    template <typename Measure>
    void for_each_error(const QuantizedMatrix &matrix, Measure measure) const;
    double loss_by_gradients(const QuantizedMatrix &matrix) const;
    double loss_by_moments(const QuantizedMatrix &matrix) const;

    const MatrixSource &source;
    MatrixSource sample;
    std::optional<RowObjective> objective;
};

}  // namespace densq::tool
