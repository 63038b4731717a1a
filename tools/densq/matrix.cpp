// SPDX-License-Identifier: MIT
#include "matrix.hpp"

#include <algorithm>
#include <cmath>

#include "densq/half.h"
#include "densq/layout.h"
#include "kmeans.hpp"
#include "parallel.hpp"

namespace densq::tool {
namespace {

uint64_t share(uint64_t weights, double fraction) {
    return static_cast<uint64_t>(std::llround(fraction * static_cast<double>(weights)));
}

// Orders non-negative floats, and others by their magnitude.
uint32_t key_of(float value) { return densq_bits_from_float(value) & 0x7FFFFFFFu; }

// Picks, of all the keys of a matrix, the largest `count`, the first ones of equals.  The matrix is
// cut into ranges, which may be looked through at a time.
class Picker {
public:
    // The choice inside a range, whose keys are to be shown in order.
    class InRange {
    public:
        InRange(uint32_t threshold_, uint64_t equals) : threshold(threshold_), left(equals) {}

        bool picks(uint32_t key) {
            if (key != threshold) return key > threshold;
            if (left == 0) return false;
            --left;
            return true;
        }

    private:
        uint32_t threshold;
        uint64_t left;  // keys at the threshold still to be picked
    };

    // visit(range, see) calls see(key) for every key of a range; it is called twice for each.
    template <typename Visit>
    Picker(uint64_t count, uint32_t ranges, Visit visit) : equals(ranges) {
        if (count == 0) return;
        const auto high_bins = count_bins(ranges, visit, [](uint32_t key) { return key / kBins; });
        const uint32_t high = find_bin(high_bins, &count);
        const auto low_bins = count_bins(ranges, visit, [=](uint32_t key) {
            return key / kBins == high ? key % kBins : kNoBin;
        });
        const uint32_t low = find_bin(low_bins, &count);
        threshold = high * kBins + low;
        for (uint32_t range = 0; range < ranges; ++range) {
            equals[range] = std::min(count, low_bins[range][low]);
            count -= equals[range];
        }
    }

    InRange in_range(uint32_t range) const { return {threshold, equals[range]}; }

private:
    static constexpr uint32_t kBins = 1u << 16, kNoBin = kBins;
    using Bins = std::vector<uint64_t>;

    template <typename Visit, typename BinOf>
    static std::vector<Bins> count_bins(uint32_t ranges, Visit visit, BinOf bin_of) {
        std::vector<Bins> bins(ranges, Bins(kBins + 1));
        for_each_index(ranges, ranges, [&](uint32_t range) {
            uint64_t *count = bins[range].data();
            visit(range, [=](uint32_t key) { ++count[bin_of(key)]; });
        });
        return bins;
    }

    // The bin of the count-th largest; *count becomes its rank in there, at most the bin's size.
    static uint32_t find_bin(const std::vector<Bins> &bins, uint64_t *count) {
        for (uint32_t bin = kBins - 1;; --bin) {
            uint64_t size = 0;
            for (const Bins &range : bins) size += range[bin];
            if (size >= *count || bin == 0) {
                *count = std::min(*count, size);
                return bin;
            }
            *count -= size;
        }
    }

    uint32_t threshold = UINT32_MAX;  // no key is as large
    std::vector<uint64_t> equals;     // keys at the threshold to be picked, by range
};

// Finds the places of the sparse part: fills in row_ptr and col.
class SparseChoice {
public:
    SparseChoice(const RowReader &weights_, const RowReader &gradients_, uint32_t threads,
                 QuantizedMatrix *out_)
        : read_weights(weights_), read_gradients(gradients_), ranges(std::min(threads, out_->rows)),
          out(out_) {}

    void run(uint64_t sensitive_count, uint64_t outlier_count) {
        if (!read_gradients) {  // nothing is sensitive
            outlier_count += sensitive_count;
            sensitive_count = 0;
        }
        const Picker sensitive(sensitive_count, ranges, [this](uint32_t range, auto see) {
            for_each(range,
                     [=](uint32_t, uint32_t, uint32_t, uint32_t gradient) { see(gradient); });
        });
        const Picker outliers(outlier_count, ranges, [&](uint32_t range, auto see) {
            auto taken = sensitive.in_range(range);
            for_each(range, [&](uint32_t, uint32_t, uint32_t weight, uint32_t gradient) {
                if (!taken.picks(gradient)) see(weight);
            });
        });
        out->row_ptr.assign(size_t{out->rows} + 1, 0);
        std::vector<std::vector<uint32_t>> cols(ranges);
        for_each_index(ranges, ranges, [&](uint32_t range) {
            auto taken = sensitive.in_range(range), far = outliers.in_range(range);
            for_each(range, [&](uint32_t row, uint32_t col, uint32_t weight, uint32_t gradient) {
                if (!taken.picks(gradient) && !far.picks(weight)) return;
                cols[range].push_back(col);
                ++out->row_ptr[row + 1];
            });
        });
        for (const auto &part : cols) out->col.insert(out->col.end(), part.begin(), part.end());
        for (uint32_t row = 0; row < out->rows; ++row) out->row_ptr[row + 1] += out->row_ptr[row];
    }

private:
    // visit(row, col, key of the weight, key of the gradient), in order; gradients all 0 if there
    // are none.
    template <typename Visit>
    void for_each(uint32_t range, Visit visit) const {
        std::vector<float> weights(out->cols), gradients(out->cols);
        const uint64_t rows = out->rows;
        const auto end = static_cast<uint32_t>(rows * (range + 1) / ranges);
        for (auto row = static_cast<uint32_t>(rows * range / ranges); row < end; ++row) {
            read_weights(row, weights.data());
            if (read_gradients) read_gradients(row, gradients.data());
            const float *weight = weights.data(), *gradient = gradients.data();
            const uint32_t cols = out->cols;
            for (uint32_t col = 0; col < cols; ++col)
                visit(row, col, key_of(weight[col]), key_of(gradient[col]));
        }
    }

    const RowReader &read_weights, &read_gradients;
    uint32_t ranges;  // of rows, one for each thread
    QuantizedMatrix *out;
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
        for (uint32_t i = out->row_ptr[row]; i < out->row_ptr[row + 1]; ++i)
            sparse[out->col[i]] = 1;
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
        const float *weight = weights.data();  // plain locals, which compilers vectorize
        uint8_t *code = row_codes.data();
        const uint32_t cols = out->cols;
        for (uint32_t k = 0; k + 1 < entries; ++k) {
            // Rounded down, a float is above it exactly if it is above the middle itself.
            const double low = static_cast<double>(lut[k]), high = static_cast<double>(lut[k + 1]);
            const double exact = (low + high) / 2;
            float middle = static_cast<float>(exact);
            if (static_cast<double>(middle) > exact) middle = std::nextafter(middle, -INFINITY);
            for (uint32_t c = 0; c < cols; ++c)
                code[c] = static_cast<uint8_t>(code[c] + (weight[c] > middle));
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
            const uint32_t slots = std::min(DENSQ_UNIT_COLS, out->cols - begin);
            for (uint32_t slot = 0; slot < slots; ++slot)
                densq_put_code(out->codes.data() + place.group, out->bits, place.field, slot,
                               row_codes[begin + slot]);
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
    SparseChoice(weights, gradients, options.threads, &out)
        .run(share(count, options.sensitive), share(count, options.outliers));
    out.val.resize(out.col.size());

    // By tiles, as the rows of a tile share bytes.  A quantizer for each: among equally good
    // centroids, which ones k-means finds depends on the rows that it has seen before.
    for_each_index(densq_tile_count(rows), options.threads, [&](uint32_t tile) {
        RowQuantizer quantizer(weights, gradients, &out);
        const uint32_t first = tile * DENSQ_TILE_ROWS;
        const uint32_t tile_rows = densq_tile_rows(rows, tile);
        for (uint32_t r = 0; r < tile_rows; ++r) quantizer.run(first + r);
        done(tile_rows);
    });
    return out;
}

}  // namespace densq::tool
