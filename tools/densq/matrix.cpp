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

// Orders non-negative floats, and others by their magnitude.
uint32_t key_of(float value) { return densq_bits_from_float(value) & 0x7FFFFFFFu; }

// Picks, of all keys that are shown to it in order, the largest `count`, the first ones of equals.
class Picker {
public:
    // visit(see) calls see(key) for every key; it is called twice.
    template <typename Visit>
    Picker(uint64_t count, Visit visit) {
        if (count == 0) return;
        constexpr uint32_t kBins = 1u << 16;
        std::vector<uint64_t> bins(kBins);
        visit([&](uint32_t key) { ++bins[key / kBins]; });
        const uint32_t high = find_bin(bins, &count);
        std::fill(bins.begin(), bins.end(), 0);
        visit([&](uint32_t key) { bins[key % kBins] += key / kBins == high; });
        threshold = high * kBins + find_bin(bins, &count);
        equals = left = count;
    }

    bool picks(uint32_t key) {
        if (key != threshold) return key > threshold;
        if (left == 0) return false;
        --left;
        return true;
    }

    void start_again() { left = equals; }

private:
    // The bin of the count-th largest; *count becomes its rank in there, at most the bin's size.
    static uint32_t find_bin(const std::vector<uint64_t> &bins, uint64_t *count) {
        auto bin = static_cast<uint32_t>(bins.size() - 1);
        for (; bin > 0 && bins[bin] < *count; --bin) *count -= bins[bin];
        *count = std::min(*count, bins[bin]);
        return bin;
    }

    uint32_t threshold = UINT32_MAX;  // no key is as large
    uint64_t equals = 0, left = 0;    // keys at the threshold to pick
};

// Finds the places of the sparse part: fills in row_ptr and col.
class SparseChoice {
public:
    SparseChoice(const RowReader &weights_, const RowReader &gradients_, QuantizedMatrix *out_)
        : weights(weights_), gradients(gradients_), out(out_), row_weights(out->cols),
          row_gradients(out->cols) {}

    void run(uint64_t sensitive_count, uint64_t outlier_count) {
        if (!gradients) {  // nothing is sensitive
            outlier_count += sensitive_count;
            sensitive_count = 0;
        }
        Picker sensitive(sensitive_count, [&](auto see) {
            for_each([&](uint32_t, uint32_t, uint32_t, uint32_t gradient) { see(gradient); });
        });
        Picker outliers(outlier_count, [&](auto see) {
            sensitive.start_again();
            for_each([&](uint32_t, uint32_t, uint32_t weight, uint32_t gradient) {
                if (!sensitive.picks(gradient)) see(weight);
            });
        });
        sensitive.start_again();
        out->row_ptr.assign(size_t{out->rows} + 1, 0);
        for_each([&](uint32_t row, uint32_t col, uint32_t weight, uint32_t gradient) {
            if (!sensitive.picks(gradient) && !outliers.picks(weight)) return;
            out->col.push_back(col);
            ++out->row_ptr[row + 1];
        });
        for (uint32_t row = 0; row < out->rows; ++row)
            out->row_ptr[row + 1] += out->row_ptr[row];
    }

private:
    // visit(row, col, key of the weight, key of the gradient), in order.
    template <typename Visit>
    void for_each(Visit visit) {
        for (uint32_t row = 0; row < out->rows; ++row) {
            weights(row, row_weights.data());
            if (gradients) gradients(row, row_gradients.data());
            for (uint32_t col = 0; col < out->cols; ++col)
                visit(row, col, key_of(row_weights[col]), key_of(row_gradients[col]));
        }
    }

    const RowReader &weights, &gradients;
    QuantizedMatrix *out;
    std::vector<float> row_weights, row_gradients;  // gradients all 0 if there are none
};

// Quantizes rows; one for each tile.
class RowQuantizer {
public:
    RowQuantizer(const RowReader &weights_, const RowReader &gradients_, QuantizedMatrix *out_)
        : read_weights(weights_), read_gradients(gradients_), out(out_), kmeans(1u << out_->bits),
          weights(out_->cols), gradients(out_->cols, 1.0f), sparse(out_->cols),
          kept_values(out_->cols), kept_gradients(out_->cols), row_codes(out_->cols) {}

    void run(uint32_t row) {
        read_weights(row, weights.data());
        if (read_gradients) read_gradients(row, gradients.data());
        std::fill(sparse.begin(), sparse.end(), uint8_t{0});
        for (uint32_t i = out->row_ptr[row]; i < out->row_ptr[row + 1]; ++i) sparse[out->col[i]] = 1;
        make_lut(row);
        choose_codes();
        choose_values(row);
        store_codes(row);
    }

private:
    // Clusters the row's weights but those of the sparse part; if that takes all, all of them.
    void make_lut(uint32_t row) {
        size_t kept = 0;
        for (uint32_t c = 0; c < out->cols; ++c) {
            if (sparse[c]) continue;
            kept_values[kept] = weights[c];
            kept_gradients[kept++] = gradients[c];
        }
        const auto &centroids = kept ? kmeans.fit(kept_values.data(), kept_gradients.data(), kept)
                                     : kmeans.fit(weights.data(), nullptr, out->cols);
        const uint32_t entries = 1u << out->bits;
        for (uint32_t k = 0; k < entries; ++k) {
            const double centroid = centroids[std::min<size_t>(k, centroids.size() - 1)];
            lut_halves[k] = densq_f32_to_f16(static_cast<float>(centroid));
            lut[k] = densq_f16_to_f32(lut_halves[k]);
        }
        std::copy(lut_halves, lut_halves + entries,
                  out->lut.begin() + static_cast<ptrdiff_t>(row) * entries);
    }

    // The nearest centroid, of two equally near the lower.
    void choose_codes() {
        const uint32_t entries = 1u << out->bits;
        std::fill(row_codes.begin(), row_codes.end(), uint8_t{0});
        for (uint32_t k = 0; k + 1 < entries; ++k) {
            // Rounded down, a float is above it exactly if it is above the middle itself.
            const double low = static_cast<double>(lut[k]), high = static_cast<double>(lut[k + 1]);
            const double exact = (low + high) / 2;
            float middle = static_cast<float>(exact);
            if (static_cast<double>(middle) > exact) middle = std::nextafter(middle, -INFINITY);
            for (uint32_t c = 0; c < out->cols; ++c)
                row_codes[c] = static_cast<uint8_t>(row_codes[c] + (weights[c] > middle));
        }
    }

    // In the sparse part, the centroid that lets centroid + value come closest to the weight.
    void choose_values(uint32_t row) {
        for (uint32_t i = out->row_ptr[row]; i < out->row_ptr[row + 1]; ++i) {
            const uint32_t col = out->col[i];
            out->val[i] = choose_sparse(weights[col], &row_codes[col]);
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

    const RowReader &read_weights, &read_gradients;
    QuantizedMatrix *out;
    KMeans kmeans;
    std::vector<float> weights, gradients;  // of the row; gradients all 1 if there are none
    std::vector<uint8_t> sparse;            // 1: in the sparse part
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

QuantizedMatrix quantize_matrix(const RowReader &weights, const RowReader &gradients, uint32_t rows,
                                uint32_t cols, const MatrixOptions &options,
                                const std::function<void(uint32_t)> &done) {
    const uint64_t count = uint64_t{rows} * cols;
    QuantizedMatrix out = {rows, cols, options.bits, {}, {}, {}, {}, {}};
    out.lut.resize(static_cast<size_t>(rows) << options.bits);
    out.codes.resize(densq_codes_bytes(rows, cols, options.bits));
    out.col.reserve(count_nonzeros(count, options));
    SparseChoice(weights, gradients, &out)
        .run(share(count, options.sensitive), share(count, options.outliers));
    out.val.resize(out.col.size());

    // By tiles, as the rows of a tile share bytes.  A quantizer for each: among equally good
    // centroids, which ones k-means finds depends on the rows that it has seen before.
    for_each_tile(densq_tile_count(rows), options.threads, [&](uint32_t tile) {
        RowQuantizer quantizer(weights, gradients, &out);
        const uint32_t first = tile * DENSQ_TILE_ROWS;
        const uint32_t tile_rows = densq_tile_rows(rows, tile);
        for (uint32_t r = 0; r < tile_rows; ++r) quantizer.run(first + r);
        done(tile_rows);
    });
    return out;
}

}  // namespace densq::tool
