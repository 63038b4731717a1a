// SPDX-License-Identifier: MIT
// error_scores.hpp - how badly each weight is held by a code.
#pragma once
#include <vector>

#include "quantization_method.hpp"

namespace densq::tool {

// [rows][cols]: the squared distance of each weight from the nearest centroid of its row, times its
// squared gradient if there are gradients.  The centroids are those of the weights that are not in
// the sparse part of `matrix`, of which row_ptr and col count; those that are have a score too.
// The same on any number of threads.
std::vector<float> error_scores(const MatrixSource &source, const QuantizedMatrix &matrix,
                                uint32_t threads);

}  // namespace densq::tool
