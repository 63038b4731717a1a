// SPDX-License-Identifier: MIT
#include "row_encoder.hpp"

#include <algorithm>
#include <cmath>

#include "densq/half.h"
#include "densq/layout.h"

namespace densq::tool {
namespace {

// The finite half that is nearest.  The float between is rounded to odd, so that rounding twice
// does no harm.
uint16_t nearest_half(double value) {
    auto odd = static_cast<float>(value);
    const auto back = static_cast<double>(odd);
    if (back != value && densq_bits_from_float(odd) % 2 == 0)
        odd = std::nextafter(odd, back < value ? INFINITY : -INFINITY);
    return densq_f32_to_f16(std::clamp(odd, -kLargestWeight, kLargestWeight));
}

double relative(double squared_error, double squares) {
    return squares > 0 ? std::sqrt(squared_error / squares) : 0;
}

}  // namespace

QuantizedMatrix make_sections(uint32_t rows, uint32_t cols, uint32_t bits) {
    const densq_sections sections = densq_place_sections(rows, cols, bits, 0);
    QuantizedMatrix matrix = {rows, cols, bits, {}, {}, {}, {}, {}};
    matrix.lut.resize(sections.lut.bytes / sizeof matrix.lut[0]);
    matrix.codes.resize(sections.codes.bytes);
    matrix.row_ptr.resize(size_t{rows} + 1);
    return matrix;
}

RowError RowEncoder::encode(uint32_t row, const float *weights,
                            const std::vector<double> &centroids) {
    set_table(row, centroids);
    choose_codes(weights);
    return finish(row, weights);
}

RowError RowEncoder::encode_chosen(uint32_t row, const float *fitted, const uint8_t *chosen,
                                   const std::vector<double> &centroids) {
    set_table(row, centroids);
    std::copy_n(chosen, out->cols, codes.begin());
    return finish(row, fitted);
}

// Chooses the sparse values and stores the row.
RowError RowEncoder::finish(uint32_t row, const float *weights) {
    for (uint32_t i = out->row_ptr[row]; i < out->row_ptr[row + 1]; ++i) {
        const uint32_t col = out->col[i];
        out->val[i] = choose_sparse(weights[col], &codes[col]);
    }
    store_codes(row);
    return measure(row, weights);
}

void RowEncoder::set_table(uint32_t row, const std::vector<double> &centroids) {
    uint16_t *halves = &out->lut[size_t{row} * entries];
    for (uint32_t k = 0; k < entries; ++k) {
        const double centroid = centroids[std::min<size_t>(k, centroids.size() - 1)];
        halves[k] = densq_f32_to_f16(static_cast<float>(centroid));
        table[k] = densq_f16_to_f32(halves[k]);
        rounding[k] = static_cast<double>(table[k]) - centroid;
    }
}

// Chooses the nearest centroid; the lower one of two that are equally near.
void RowEncoder::choose_codes(const float *weights) {
    std::fill(codes.begin(), codes.end(), uint8_t{0});
    uint8_t *code = codes.data();  // plain locals, which compilers vectorize
    const uint32_t cols = out->cols;
    for (uint32_t k = 0; k + 1 < entries; ++k) {
        // A float is above the middle if and only if it is above the middle rounded down.
        const double low = static_cast<double>(table[k]), high = static_cast<double>(table[k + 1]);
        const double exact = (low + high) / 2;
        float middle = static_cast<float>(exact);
        if (static_cast<double>(middle) > exact) middle = std::nextafter(middle, -INFINITY);
        for (uint32_t c = 0; c < cols; ++c)
            code[c] = static_cast<uint8_t>(code[c] + (weights[c] > middle));
    }
}

// Chooses the code of a weight in the sparse part: that whose entry + value is closest to it; of
// equally close ones, that with the smallest value.
uint16_t RowEncoder::choose_sparse(float weight, uint8_t *code) const {
    const auto exact = static_cast<double>(weight);
    double least_error = INFINITY;
    uint16_t best = 0;
    for (uint32_t k = 0; k < entries; ++k) {
        const auto entry = static_cast<double>(table[k]);
        const uint16_t half = nearest_half(exact - entry);
        const float value = densq_f16_to_f32(half);
        const double error = std::abs(entry + static_cast<double>(value) - exact);
        const bool smaller = std::abs(value) < std::abs(densq_f16_to_f32(best));
        if (error > least_error || (error == least_error && !smaller)) continue;
        least_error = error;
        best = half;
        *code = static_cast<uint8_t>(k);
    }
    return best;
}

// A sparse value has no other error than that of fp16.
RowError RowEncoder::measure(uint32_t row, const float *weights) const {
    double squares = 0, all = 0, by_fp16 = 0;
    uint32_t next = out->row_ptr[row];
    for (uint32_t c = 0; c < out->cols; ++c) {
        const auto weight = static_cast<double>(weights[c]);
        const bool sparse = next < out->row_ptr[row + 1] && out->col[next] == c;
        double error = static_cast<double>(table[codes[c]]) - weight;
        if (sparse) error += static_cast<double>(densq_f16_to_f32(out->val[next++]));
        const double fp16_error = sparse ? error : rounding[codes[c]];
        squares += weight * weight;
        all += error * error;
        by_fp16 += fp16_error * fp16_error;
    }
    return {relative(all, squares), relative(by_fp16, squares)};
}

void RowEncoder::store_codes(uint32_t row) {
    for (uint32_t begin = 0; begin < out->cols; begin += DENSQ_UNIT_COLS) {
        const densq_code_place place =
            densq_place_code(out->rows, out->cols, out->bits, row, begin);
        const uint32_t slots = std::min(DENSQ_UNIT_COLS, out->cols - begin);
        for (uint32_t slot = 0; slot < slots; ++slot)
            densq_put_code(out->codes.data() + place.group, out->bits, place.field, slot,
                           codes[begin + slot]);
    }
}

}  // namespace densq::tool
