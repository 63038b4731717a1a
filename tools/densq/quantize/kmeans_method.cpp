// SPDX-License-Identifier: MIT
#include "kmeans_method.hpp"

#include <algorithm>
#include <mutex>

#include "densq/layout.h"
#include "gradient_floor.hpp"
#include "kmeans.hpp"
#include "parallel.hpp"
#include "row_encoder.hpp"
#include "sparse_choice.hpp"

namespace densq::tool {
namespace {

// Quantizes the rows of a tile.
class RowClustering {
public:
    RowClustering(const MatrixSource &source_, QuantizedMatrix *out_)
        : source(source_), out(out_), encoder(out_), kmeans(1u << out_->bits), weights(out_->cols),
          gradients(out_->cols, 1.0f), sparse(out_->cols), kept_weights(out_->cols),
          kept_gradients(out_->cols) {}

    void run(uint32_t row) {
        source.weights(row, weights.data());
        if (source.gradients) {
            source.gradients(row, gradients.data());
            notes.rows_mostly_zero += lift_gradients(&gradients);
        }
        std::fill(sparse.begin(), sparse.end(), uint8_t{0});
        for (uint32_t i = out->row_ptr[row]; i < out->row_ptr[row + 1]; ++i)
            sparse[out->col[i]] = 1;
        const RowError error = encoder.encode(row, weights.data(), cluster());
        if (error.by_fp16 <= kLostToFp16) return;
        ++notes.rows_lost_to_fp16;
        notes.largest_error = std::max(notes.largest_error, error.all);
    }

    MatrixNotes notes;  // of the rows so far

private:
    // Clusters the weights of the row that are not in the sparse part, or all if all are there.
    const std::vector<double> &cluster() {
        size_t kept = 0;
        for (uint32_t c = 0; c < out->cols; ++c) {
            if (sparse[c]) continue;
            kept_weights[kept] = weights[c];
            kept_gradients[kept++] = gradients[c];
        }
        return kept ? kmeans.fit(kept_weights.data(), kept_gradients.data(), kept)
                    : kmeans.fit(weights.data(), nullptr, out->cols);
    }

    const MatrixSource &source;
    QuantizedMatrix *out;
    RowEncoder encoder;
    KMeans kmeans;
    std::vector<float> weights, gradients;  // of the row; gradients all 1 if there are none
    std::vector<uint8_t> sparse;            // 1: in the sparse part
    std::vector<float> kept_weights, kept_gradients;
};

}  // namespace

QuantizationResult KMeansMethod::quantize(const MatrixSource &source, const MatrixRecipe &recipe,
                                          const Workers &workers) const {
    QuantizationResult result = {make_sections(source.rows, source.cols, recipe.bits), {}};
    QuantizedMatrix &out = result.matrix;
    std::mutex mutex;
    choose_nonzeros(source, recipe, workers.threads, &out);
    // A thread takes whole tiles, because their rows share bytes.  Each tile has a KMeans of its
    // own: which of several equally good clusterings it finds depends on the rows before.
    for_each_index(densq_tile_count(out.rows), workers.threads, [&](uint32_t tile) {
        RowClustering clustering(source, &out);
        const uint32_t first = tile * DENSQ_TILE_ROWS;
        const uint32_t tile_rows = densq_tile_rows(out.rows, tile);
        for (uint32_t r = 0; r < tile_rows; ++r) clustering.run(first + r);
        {
            const std::lock_guard lock(mutex);
            result.notes.add(clustering.notes);
        }
        workers.done(tile_rows);
    });
    return result;
}

}  // namespace densq::tool
