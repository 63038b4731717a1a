// SPDX-License-Identifier: MIT
#include "row_clusters.hpp"

#include <algorithm>

#include "gradient_floor.hpp"

namespace densq::tool {

RowClusters::RowClusters(const MatrixSource &source_, const QuantizedMatrix &matrix_)
    : source(source_), matrix(matrix_), kmeans(1u << matrix.bits), weight(matrix.cols),
      gradient(matrix.cols, 1.0f), sparse(matrix.cols), kept_weights(matrix.cols),
      kept_gradients(matrix.cols) {}

// Clusters the weights that are not in the sparse part, or all if all are there.
const std::vector<double> &RowClusters::fit(uint32_t row) {
    source.weights(row, weight.data());
    if (source.gradients) {
        source.gradients(row, gradient.data());
        rows_mostly_zero += lift_gradients(&gradient);
    }
    std::fill(sparse.begin(), sparse.end(), uint8_t{0});
    for (uint32_t i = matrix.row_ptr[row]; i < matrix.row_ptr[row + 1]; ++i)
        sparse[matrix.col[i]] = 1;
    size_t kept = 0;
    for (uint32_t c = 0; c < matrix.cols; ++c) {
        if (sparse[c]) continue;
        kept_weights[kept] = weight[c];
        kept_gradients[kept++] = gradient[c];
    }
    return kept ? kmeans.fit(kept_weights.data(), kept_gradients.data(), kept)
                : kmeans.fit(weight.data(), nullptr, matrix.cols);
}

}  // namespace densq::tool
