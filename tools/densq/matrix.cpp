// SPDX-License-Identifier: MIT
#include "matrix.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>

#include "densq/half.h"
#include "densq/layout.h"
#include "kmeans.hpp"

namespace densq::tool {
namespace {

uint64_t share(uint64_t weights, double fraction) {
    return static_cast<uint64_t>(std::llround(fraction * static_cast<double>(weights)));
}

// Marks the `count` largest scores(i) among the unmarked; among equals those that come first.
template <typename Score>
void mark_largest(std::vector<uint8_t> *marked, uint64_t count, Score score) {
    if (count == 0) return;
    std::vector<float> scores;
    scores.reserve(marked->size());
    for (size_t i = 0; i < marked->size(); ++i)
        if (!(*marked)[i]) scores.push_back(score(i));
    if (scores.empty()) return;
    count = std::min<uint64_t>(count, scores.size());
    const auto nth = scores.begin() + static_cast<ptrdiff_t>(count - 1);
    std::nth_element(scores.begin(), nth, scores.end(), std::greater<>());
    const float threshold = *nth;
    uint64_t above = 0;
    for (size_t i = 0; i < marked->size(); ++i) above += !(*marked)[i] && score(i) > threshold;
    uint64_t equals = count - above;
    for (size_t i = 0; i < marked->size(); ++i) {
        if ((*marked)[i]) continue;
        const bool tied = score(i) == threshold && equals > 0;
        equals -= tied;
        (*marked)[i] = tied || score(i) > threshold;
    }
}

// Quantizes rows; one for each tile.
class RowQuantizer {
public:
    RowQuantizer(const float *weights_, const float *gradients_, const std::vector<uint8_t> &sparse_,
                 QuantizedMatrix *out_)
        : weights(weights_), gradients(gradients_), sparse(sparse_), out(out_),
          kmeans(1u << out_->bits), kept_values(out_->cols), kept_gradients(out_->cols),
          row_codes(out_->cols) {}

    void run(uint32_t row) {
        const size_t begin = static_cast<size_t>(row) * out->cols;
        make_lut(row, begin);
        choose_codes(row, begin);
        store_codes(row);
    }

private:
    // Clusters the row's weights but those of the sparse part; if that takes all, all of them.
    void make_lut(uint32_t row, size_t begin) {
        size_t kept = 0;
        for (uint32_t c = 0; c < out->cols; ++c) {
            if (sparse[begin + c]) continue;
            kept_values[kept] = weights[begin + c];
            kept_gradients[kept++] = gradients ? gradients[begin + c] : 1.0f;
        }
        const auto &centroids =
            kept ? kmeans.fit(kept_values.data(), kept_gradients.data(), kept)
                 : kmeans.fit(weights + begin, nullptr, out->cols);
        const uint32_t entries = 1u << out->bits;
        for (uint32_t k = 0; k < entries; ++k) {
            const double centroid = centroids[std::min<size_t>(k, centroids.size() - 1)];
            lut_halves[k] = densq_f32_to_f16(static_cast<float>(centroid));
            lut[k] = densq_f16_to_f32(lut_halves[k]);
        }
        std::copy(lut_halves, lut_halves + entries,
                  out->lut.begin() + static_cast<ptrdiff_t>(row) * entries);
    }

    // The nearest centroid, of two equally near the lower; or, where the sparse part has a value,
    // the centroid that lets centroid + value come closest to the weight.
    void choose_codes(uint32_t row, size_t begin) {
        const uint32_t entries = 1u << out->bits;
        std::fill(row_codes.begin(), row_codes.end(), uint8_t{0});
        for (uint32_t k = 0; k + 1 < entries; ++k) {
            // Rounded down, a float is above it exactly if it is above the middle itself.
            const double low = static_cast<double>(lut[k]), high = static_cast<double>(lut[k + 1]);
            const double exact = (low + high) / 2;
            float middle = static_cast<float>(exact);
            if (static_cast<double>(middle) > exact) middle = std::nextafter(middle, -INFINITY);
            for (uint32_t c = 0; c < out->cols; ++c)
                row_codes[c] = static_cast<uint8_t>(row_codes[c] + (weights[begin + c] > middle));
        }
        uint32_t at = out->row_ptr[row];
        for (uint32_t c = 0; c < out->cols; ++c) {
            if (!sparse[begin + c]) continue;
            out->col[at] = c;
            out->val[at++] = choose_sparse(weights[begin + c], &row_codes[c]);
        }
    }

    uint16_t choose_sparse(float weight, uint8_t *code) const {
        double least_error = INFINITY;
        uint16_t best = 0;
        for (uint32_t k = 0; k < 1u << out->bits; ++k) {
            const uint16_t half = densq_f32_to_f16(weight - lut[k]);
            const float value = densq_f16_to_f32(half);
            const double error = std::abs(static_cast<double>(lut[k]) + static_cast<double>(value) -
                                          static_cast<double>(weight));
            const bool smaller = std::abs(value) < std::abs(densq_f16_to_f32(best));
            if (error > least_error || (error == least_error && !smaller)) continue;
            least_error = error;
            best = half;
            *code = static_cast<uint8_t>(k);
        }
        return best;
    }

    void store_codes(uint32_t row) {
        for (uint32_t begin = 0; begin < out->cols; begin += DENSQ_UNIT_COLS) {
            const densq_code_place place =
                densq_place_code(out->rows, out->cols, out->bits, row, begin);
            const uint32_t lanes = std::min(DENSQ_UNIT_COLS, out->cols - begin);
            for (uint32_t lane = 0; lane < lanes; ++lane)
                densq_put_code(out->codes.data() + place.group, out->bits, place.field, lane,
                               row_codes[begin + lane]);
        }
    }

    const float *weights, *gradients;
    const std::vector<uint8_t> &sparse;
    QuantizedMatrix *out;
    KMeans kmeans;
    std::vector<float> kept_values, kept_gradients;
    std::vector<uint8_t> row_codes;
    uint16_t lut_halves[16] = {};
    float lut[16] = {};
};

// Runs work(tile) over all tiles; the first exception ends it and is thrown again.
template <typename Work>
void for_each_tile(uint32_t tiles, uint32_t threads, Work work) {
    std::atomic<uint32_t> next = 0;
    std::exception_ptr failure;
    std::mutex mutex;
    const auto run = [&] {
        try {
            for (uint32_t tile; (tile = next++) < tiles;) work(tile);
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            next = tiles;
        }
    };
    std::vector<std::thread> pool;
    try {
        for (uint32_t t = 1; t < std::min(threads, tiles); ++t) pool.emplace_back(run);
    } catch (const std::exception &) {
        // The system has no more to give; the threads there are do the work.
    }
    run();
    for (std::thread &thread : pool) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace

uint64_t count_nonzeros(uint64_t weights, const MatrixOptions &options) {
    return std::min(weights, share(weights, options.sensitive) + share(weights, options.outliers));
}

QuantizedMatrix quantize_matrix(const float *weights, const float *gradients, uint32_t rows,
                                uint32_t cols, const MatrixOptions &options,
                                const std::function<void(uint32_t)> &done) {
    const size_t count = static_cast<size_t>(rows) * cols;
    std::vector<uint8_t> sparse(count);
    mark_largest(&sparse, share(count, options.sensitive),
                 [&](size_t i) { return gradients[i]; });
    mark_largest(&sparse, share(count, options.outliers),
                 [&](size_t i) { return std::abs(weights[i]); });

    QuantizedMatrix out = {rows, cols, options.bits, {}, {}, {0}, {}, {}};
    out.lut.resize(static_cast<size_t>(rows) << options.bits);
    out.codes.resize(densq_codes_bytes(rows, cols, options.bits));
    for (uint32_t row = 0; row < rows; ++row) {
        const auto begin = sparse.begin() + static_cast<ptrdiff_t>(row) * cols;
        const auto nnz = static_cast<uint32_t>(std::count(begin, begin + cols, 1));
        out.row_ptr.push_back(out.row_ptr.back() + nnz);
    }
    out.col.resize(out.row_ptr.back());
    out.val.resize(out.row_ptr.back());

    // By tiles, as the rows of a tile share bytes.  A quantizer for each: among equally good
    // centroids, which ones k-means finds depends on the rows that it has seen before.
    for_each_tile(densq_tile_count(rows), options.threads, [&](uint32_t tile) {
        RowQuantizer quantizer(weights, gradients, sparse, &out);
        const uint32_t first = tile * DENSQ_TILE_ROWS;
        const uint32_t tile_rows = densq_tile_rows(rows, tile);
        for (uint32_t r = 0; r < tile_rows; ++r) quantizer.run(first + r);
        done(tile_rows);
    });
    return out;
}

}  // namespace densq::tool
