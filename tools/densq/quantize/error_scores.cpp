// SPDX-License-Identifier: MIT
#include "error_scores.hpp"

#include <algorithm>

#include "densq/layout.h"
#include "parallel.hpp"
#include "row_clusters.hpp"

namespace densq::tool {
namespace {

// `centroids`: ascending.
double distance(float weight, const std::vector<double> &centroids) {
    const auto value = static_cast<double>(weight);
    const auto above = std::lower_bound(centroids.begin(), centroids.end(), value);
    if (above == centroids.end()) return value - centroids.back();
    if (above == centroids.begin()) return *above - value;
    return std::min(*above - value, value - *(above - 1));
}

}  // namespace

std::vector<float> error_scores(const MatrixSource &source, const QuantizedMatrix &matrix,
                                uint32_t threads) {
    std::vector<float> scores(size_t{source.rows} * source.cols);
    // In pieces that do not depend on the threads, as RowClusters asks for.
    for_each_index(densq_tile_count(source.rows), threads, [&](uint32_t tile) {
        RowClusters clusters(source, matrix);
        const uint32_t first = tile * DENSQ_TILE_ROWS;
        const uint32_t end = first + densq_tile_rows(source.rows, tile);
        for (uint32_t row = first; row < end; ++row) {
            const std::vector<double> &centroids = clusters.fit(row);
            float *to = &scores[size_t{row} * source.cols];
            for (uint32_t c = 0; c < source.cols; ++c) {
                const double error = distance(clusters.weights()[c], centroids);
                to[c] = static_cast<float>(error * error *
                                           static_cast<double>(clusters.gradients()[c]));
            }
        }
    });
    return scores;
}

}  // namespace densq::tool
