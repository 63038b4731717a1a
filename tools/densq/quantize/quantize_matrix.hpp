// SPDX-License-Identifier: MIT
// quantize_matrix.hpp - quantizes a matrix by the method that its recipe names.
#pragma once
#include <string>
#include <vector>

#include "quantization_method.hpp"

namespace densq::tool {

std::vector<std::string> method_names();

// UsageError if there is no such method.
QuantizationResult quantize_matrix(const MatrixSource &source, const MatrixRecipe &recipe,
                                   const Workers &workers);

}  // namespace densq::tool
