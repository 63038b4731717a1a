// SPDX-License-Identifier: MIT
#include "moments_method.hpp"

#include <algorithm>
#include <mutex>

#include "chunk_fit.hpp"
#include "densq/layout.h"
#include "parallel.hpp"
#include "row_clusters.hpp"
#include "row_encoder.hpp"
#include "sparse_choice.hpp"

namespace densq::tool {
namespace {

static_assert(ChunkFit::kRows % DENSQ_TILE_ROWS == 0, "the rows of a tile share bytes");

// Quantizes the rows [first, end) of the matrix, one chunk.
MatrixNotes quantize_chunk(const MatrixSource &source, const RowObjective &objective,
                           uint32_t first, uint32_t end, QuantizedMatrix *out) {
    RowClusters clusters(source, *out);
    ChunkFit chunk(objective, out->bits);
    for (uint32_t row = first; row < end; ++row) {
        const std::vector<double> &centroids = clusters.fit(row);
        chunk.set_row(row - first, clusters.weights(), clusters.in_sparse_part(), centroids);
    }
    chunk.fit();
    RowEncoder encoder(out);
    MatrixNotes notes;
    std::vector<uint8_t> codes(out->cols);
    std::vector<float> fitted(out->cols);
    for (uint32_t row = first; row < end; ++row) {
        chunk.get_row(row - first, codes.data(), fitted.data());
        notes.add(
            encoder.encode_chosen(row, fitted.data(), codes.data(), chunk.centroids(row - first)));
    }
    notes.rows_mostly_zero = clusters.rows_mostly_zero;
    return notes;
}

}  // namespace

QuantizationResult quantize_by_moments(const MatrixSource &source, const RowObjective &objective,
                                       const MatrixRecipe &recipe, const Workers &workers) {
    QuantizationResult result = {make_sections(source.rows, source.cols, recipe.bits), {}};
    std::mutex mutex;
    choose_nonzeros(source, recipe, workers.threads, &result.matrix);
    const uint32_t chunks = (source.rows - 1) / ChunkFit::kRows + 1;
    for_each_index(chunks, workers.threads, [&](uint32_t index) {
        const uint32_t first = index * ChunkFit::kRows;
        const uint32_t end = std::min(source.rows, first + ChunkFit::kRows);
        const MatrixNotes notes = quantize_chunk(source, objective, first, end, &result.matrix);
        {
            const std::lock_guard lock(mutex);
            result.notes.add(notes);
        }
        workers.done(end - first);
    });
    return result;
}

QuantizationResult MomentsMethod::quantize(const MatrixSource &source, const MatrixRecipe &recipe,
                                           const Workers &workers) const {
    const RowObjective objective(source.cols, source.moments);
    return quantize_by_moments(source, objective, recipe, workers);
}

}  // namespace densq::tool
