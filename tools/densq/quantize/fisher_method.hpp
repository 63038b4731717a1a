// SPDX-License-Identifier: MIT
// fisher_method.hpp - the paper's algorithm (sections 4.1 and 4.2): the weights that matter most go
// to the sparse part, the others of each row are clustered, weighted by their gradients.
#pragma once
#include "quantization_method.hpp"

namespace densq::tool {

class FisherMethod : public QuantizationMethod {
public:
    QuantizationResult quantize(const MatrixSource &source, const MatrixRecipe &recipe,
                                const Workers &workers) const override;
};

}  // namespace densq::tool
