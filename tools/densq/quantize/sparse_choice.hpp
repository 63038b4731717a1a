// SPDX-License-Identifier: MIT
// sparse_choice.hpp - which weights of a matrix go to the sparse part.
#pragma once
#include "quantization_method.hpp"

namespace densq::tool {

// How many weights go there; it depends on the number of weights alone.
uint64_t count_nonzeros(uint64_t weights, const MatrixRecipe &recipe);

// Fills in row_ptr and col, and makes room for val.  By magnitude: the most sensitive weights
// first, if their gradients are not zero, then the largest of the others until there are
// count_nonzeros. By error: beginning with these, and twice, the count_nonzeros with the largest
// scores (error_scores.hpp).  Among equals, those that come first.
void choose_nonzeros(const MatrixSource &source, const MatrixRecipe &recipe, uint32_t threads,
                     QuantizedMatrix *out);

}  // namespace densq::tool
