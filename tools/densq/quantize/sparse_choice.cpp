// SPDX-License-Identifier: MIT
#include "sparse_choice.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "densq/half.h"
#include "error_scores.hpp"
#include "parallel.hpp"

namespace densq::tool {
namespace {

constexpr int kErrorRounds = 2;  // a third one gains nothing

uint64_t count_of(double share, uint64_t weights) {
    return static_cast<uint64_t>(std::llround(share * static_cast<double>(weights)));
}

// Orders floats by their magnitude.
uint32_t magnitude_key(float value) { return densq_bits_from_float(value) & 0x7FFFFFFFu; }

// Picks the `count` largest of all keys of a matrix; among equal ones, the first.  The matrix is
// cut into ranges, which several threads may look through at the same time.
class Picker {
public:
    // What is picked inside a range, whose keys must be shown in order.
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

    // Picks no keys of zero; returns how many it would have picked.
    uint64_t spare_zeros() {
        if (threshold != 0) return 0;
        const uint64_t spared = std::accumulate(equals.begin(), equals.end(), uint64_t{0});
        std::fill(equals.begin(), equals.end(), uint64_t{0});
        return spared;
    }

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

    // Finds the bin of the key with rank *count; *count becomes its rank in that bin.
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
    SparseChoice(const MatrixSource &source_, uint32_t threads, QuantizedMatrix *out_)
        : source(source_), ranges(std::min(threads, out_->rows)), out(out_) {}

    void run(uint64_t sensitive_count, uint64_t outlier_count) {
        // A gradient of zero, as where there are none, makes no weight sensitive.
        Picker sensitive(sensitive_count, ranges, [this](uint32_t range, auto see) {
            for_each(range,
                     [=](uint32_t, uint32_t, uint32_t, uint32_t gradient) { see(gradient); });
        });
        outlier_count += sensitive.spare_zeros();
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
        out->col.clear();
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
            source.weights(row, weights.data());
            if (source.gradients) source.gradients(row, gradients.data());
            const float *weight = weights.data(), *gradient = gradients.data();
            const uint32_t cols = out->cols;
            for (uint32_t col = 0; col < cols; ++col)
                visit(row, col, magnitude_key(weight[col]), magnitude_key(gradient[col]));
        }
    }

    const MatrixSource &source;
    uint32_t ranges;  // of rows, one for each thread
    QuantizedMatrix *out;
};

// Given a choice, makes a better one: the weights that are the worst by the tables of it.
void choose_by_error(const MatrixSource &source, uint64_t count, uint32_t threads,
                     QuantizedMatrix *out) {
    const std::vector<float> scores = error_scores(source, *out, threads);
    const auto read_scores = [&](uint32_t row, float *to) {
        std::copy_n(&scores[size_t{row} * out->cols], out->cols, to);
    };
    const MatrixSource scored = {out->rows, out->cols, read_scores, {}, {}};
    SparseChoice(scored, threads, out).run(0, count);
}

// The better one by measurement (docs/quantization.md), but for the paper's method, which has its
// own.
bool selects_by_error(const MatrixRecipe &recipe) {
    if (recipe.select.empty()) return recipe.method != kFisherMethod;
    return recipe.select == kSelectError;
}

}  // namespace

uint64_t count_nonzeros(uint64_t weights, const MatrixRecipe &recipe) {
    return std::min(weights,
                    count_of(recipe.sensitive, weights) + count_of(recipe.outliers, weights));
}

void choose_nonzeros(const MatrixSource &source, const MatrixRecipe &recipe, uint32_t threads,
                     QuantizedMatrix *out) {
    const uint64_t weights = uint64_t{out->rows} * out->cols;
    const uint64_t count = count_nonzeros(weights, recipe);
    out->col.reserve(count);
    SparseChoice(source, threads, out)
        .run(count_of(recipe.sensitive, weights), count_of(recipe.outliers, weights));
    for (int i = 0; i < kErrorRounds && count > 0 && selects_by_error(recipe); ++i)
        choose_by_error(source, count, threads, out);
    out->val.resize(out->col.size());
}

}  // namespace densq::tool
