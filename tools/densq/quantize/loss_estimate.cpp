// SPDX-License-Identifier: MIT
#include "loss_estimate.hpp"

#include <algorithm>

#include "densq/half.h"
#include "densq/layout.h"
#include "moments_method.hpp"
#include "quantize_matrix.hpp"

namespace densq::tool {
namespace {

constexpr uint32_t kLeastRows = 128, kOneOf = 16;

// What the row decodes to.
void read_row(const QuantizedMatrix &matrix, uint32_t row, float *out) {
    const uint16_t *lut = &matrix.lut[size_t{row} << matrix.bits];
    for (uint32_t col = 0; col < matrix.cols; ++col) {
        const densq_code_place place =
            densq_place_code(matrix.rows, matrix.cols, matrix.bits, row, col);
        out[col] = densq_f16_to_f32(lut[densq_get_code(matrix.codes.data() + place.group,
                                                       matrix.bits, place.field, place.slot)]);
    }
    for (uint32_t i = matrix.row_ptr[row]; i < matrix.row_ptr[row + 1]; ++i)
        out[matrix.col[i]] += densq_f16_to_f32(matrix.val[i]);
}

}  // namespace

uint32_t rows_to_try(uint32_t rows) { return std::min(rows, std::max(kLeastRows, rows / kOneOf)); }

LossEstimate::LossEstimate(const MatrixSource &source_, const std::string &method)
    : source(source_), sample(source_) {
    sample.rows = rows_to_try(source.rows);
    const auto spread = [this](const RowReader &reader) -> RowReader {
        if (!reader) return {};
        return [this, &reader](uint32_t row, float *out) {
            reader(static_cast<uint32_t>(uint64_t{row} * source.rows / sample.rows), out);
        };
    };
    sample.weights = spread(source.weights);
    sample.gradients = spread(source.gradients);
    if (method == kMomentsMethod) objective.emplace(source.cols, source.moments);
}

double LossEstimate::of(const MatrixRecipe &recipe, const Workers &workers) const {
    const double loss =
        objective ? loss_by_moments(quantize_by_moments(sample, *objective, recipe, workers).matrix)
                  : loss_by_gradients(quantize_matrix(sample, recipe, workers).matrix);
    return loss * source.rows / sample.rows;
}

// The error that `measure` is given: of a row at the columns.
template <typename Measure>
void LossEstimate::for_each_error(const QuantizedMatrix &matrix, Measure measure) const {
    std::vector<float> decoded(matrix.cols), error(matrix.cols);
    for (uint32_t row = 0; row < matrix.rows; ++row) {
        read_row(matrix, row, decoded.data());
        sample.weights(row, error.data());
        for (uint32_t c = 0; c < matrix.cols; ++c) error[c] = decoded[c] - error[c];
        measure(row, error);
    }
}

double LossEstimate::loss_by_gradients(const QuantizedMatrix &matrix) const {
    std::vector<float> gradients(matrix.cols, 1.0f);
    double sum = 0;
    for_each_error(matrix, [&](uint32_t row, const std::vector<float> &error) {
        if (sample.gradients) sample.gradients(row, gradients.data());
        for (uint32_t c = 0; c < matrix.cols; ++c)
            sum += static_cast<double>(gradients[c]) * static_cast<double>(error[c] * error[c]);
    });
    return sum;
}

double LossEstimate::loss_by_moments(const QuantizedMatrix &matrix) const {
    std::vector<float> errors(size_t{matrix.cols} * matrix.rows), products(errors.size());
    for_each_error(matrix, [&](uint32_t row, const std::vector<float> &error) {
        for (uint32_t p = 0; p < matrix.cols; ++p)
            errors[size_t{p} * matrix.rows + row] = error[objective->column(p)];
    });
    objective->add_product(matrix.rows, errors.data(), products.data());
    double sum = 0;
    for (size_t i = 0; i < errors.size(); ++i)
        sum += static_cast<double>(errors[i]) *
               static_cast<double>(products[i] - objective->damping() * errors[i]);
    return sum / static_cast<double>(objective->scale());
}

}  // namespace densq::tool
