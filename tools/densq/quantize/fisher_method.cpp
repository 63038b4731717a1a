// SPDX-License-Identifier: MIT
#include "fisher_method.hpp"

#include <mutex>

#include "densq/layout.h"
#include "parallel.hpp"
#include "row_clusters.hpp"
#include "row_encoder.hpp"
#include "sparse_choice.hpp"

namespace densq::tool {

QuantizationResult FisherMethod::quantize(const MatrixSource &source, const MatrixRecipe &recipe,
                                          const Workers &workers) const {
    QuantizationResult result = {make_sections(source.rows, source.cols, recipe.bits), {}};
    QuantizedMatrix &out = result.matrix;
    std::mutex mutex;
    choose_nonzeros(source, recipe, workers.threads, &out);
    // A thread takes whole tiles, because their rows share bytes.
    for_each_index(densq_tile_count(out.rows), workers.threads, [&](uint32_t tile) {
        RowClusters clusters(source, out);
        RowEncoder encoder(&out);
        MatrixNotes notes;
        const uint32_t first = tile * DENSQ_TILE_ROWS;
        const uint32_t tile_rows = densq_tile_rows(out.rows, tile);
        for (uint32_t row = first; row < first + tile_rows; ++row) {
            const std::vector<double> &centroids = clusters.fit(row);
            notes.add(encoder.encode(row, clusters.weights(), centroids));
        }
        notes.rows_mostly_zero = clusters.rows_mostly_zero;
        {
            const std::lock_guard lock(mutex);
            result.notes.add(notes);
        }
        workers.done(tile_rows);
    });
    return result;
}

}  // namespace densq::tool
