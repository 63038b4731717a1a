// SPDX-License-Identifier: MIT
// row_clusters.hpp - rows one after the other, and the centroids of what is not in their sparse
// part: exact k-means, weighted by gradients.
#pragma once
#include <cstdint>
#include <vector>

#include "kmeans.hpp"
#include "quantization_method.hpp"

namespace densq::tool {

class RowClusters {
public:
    // `matrix`: its row_ptr and col are complete.
    RowClusters(const MatrixSource &source, const QuantizedMatrix &matrix);

    // 1 to 2^bits centroids, ascending.  Which of several equally good clusterings they are depends
    // on the rows before.
    const std::vector<double> &fit(uint32_t row);

    // Of the row.
    const float *weights() const { return weight.data(); }
    const float *gradients() const { return gradient.data(); }  // as they count in the k-means
    const uint8_t *in_sparse_part() const { return sparse.data(); }

    uint32_t rows_mostly_zero = 0;  // so far; see MatrixNotes

private:
    const MatrixSource &source;
    const QuantizedMatrix &matrix;
    KMeans kmeans;
    std::vector<float> weight, gradient;  // gradients all 1 if there are none
    std::vector<uint8_t> sparse;
    std::vector<float> kept_weights, kept_gradients;
};

}  // namespace densq::tool
