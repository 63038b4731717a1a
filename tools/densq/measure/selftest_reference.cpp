// SPDX-License-Identifier: MIT
#include "selftest_reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "densq/format.h"
#include "densq/half.h"
#include "densq/layout.h"

namespace densq::tool {
namespace {

constexpr uint32_t kSpanCols = 256;

template <typename T>
std::vector<T> read_section(const MatrixImage &image, densq_section section) {
    std::vector<T> values(section.bytes / sizeof(T));
    if (section.bytes)
        std::memcpy(values.data(), image.bytes.data() + image.begin + section.offset,
                    section.bytes);
    return values;
}

double span_maxima(const float *x, uint32_t cols) {
    double sum = 0;
    for (uint32_t first = 0; first < cols; first += kSpanCols) {
        const uint32_t end = std::min(first + kSpanCols, cols);
        double largest = 0x1p-100;
        for (uint32_t c = first; c < end; ++c)
            largest = std::max(largest, std::abs(static_cast<double>(x[c])));
        sum += (end - first) * largest;
    }
    return sum;
}

}  // namespace

Reference::Reference(const MatrixImage &image)
    : rows(image.rows), cols(image.cols), dense(size_t{rows} * cols), largest_centroid(rows) {
    const uint32_t bits = image.bits;
    const densq_sections sections = densq_place_sections(rows, cols, bits, image.nnz);
    const auto lut = read_section<uint16_t>(image, sections.lut);
    const auto codes = read_section<uint8_t>(image, sections.codes);
    for (uint32_t r = 0; r < rows; ++r) {
        const uint16_t *table = &lut[size_t{r} << bits];
        for (uint32_t k = 0; k < 1u << bits; ++k)
            largest_centroid[r] = std::max(
                largest_centroid[r], std::abs(static_cast<double>(densq_f16_to_f32(table[k]))));
        for (uint32_t c = 0; c < cols; ++c) {
            const densq_code_place place = densq_place_code(rows, cols, bits, r, c);
            const uint32_t code =
                densq_get_code(codes.data() + place.group, bits, place.field, place.slot);
            dense[size_t{r} * cols + c] = densq_f16_to_f32(table[code]);
        }
    }
    row_ptr = read_section<uint32_t>(image, sections.row_ptr);
    row_ptr.resize(rows + size_t{1});  // all 0 if there are no nonzeros
    const auto value = read_section<uint16_t>(image, sections.val);
    for (size_t i = 0; i < image.nnz; ++i) nonzeros.push_back({0, densq_f16_to_f32(value[i])});
    if (densq_col_bytes(cols) == sizeof(uint32_t))
        set_columns(read_section<uint32_t>(image, sections.col));
    else
        set_columns(read_section<uint16_t>(image, sections.col));
}

template <typename Column>
void Reference::set_columns(const std::vector<Column> &columns) {
    for (size_t i = 0; i < columns.size(); ++i) nonzeros[i].col = columns[i];
}

Expected Reference::multiply_row(uint32_t row, const float *x) const {
    Expected expected;
    const auto add = [&](float weight, float activation) {
        const double product = static_cast<double>(weight) * static_cast<double>(activation);
        expected.y += product;
        expected.magnitude += std::abs(product);
    };
    const float *weights = &dense[size_t{row} * cols];
    for (uint32_t c = 0; c < cols; ++c) add(weights[c], x[c]);
    for (uint32_t i = row_ptr[row]; i < row_ptr[row + 1]; ++i)
        add(nonzeros[i].value, x[nonzeros[i].col]);
    expected.largest_centroid = largest_centroid[row];
    return expected;
}

std::vector<Expected> Reference::multiply(const std::vector<float> &x) const {
    std::vector<Expected> outputs;
    for (size_t begin = 0; begin < x.size(); begin += cols) {
        const double maxima = span_maxima(&x[begin], cols);
        for (uint32_t row = 0; row < rows; ++row) {
            outputs.push_back(multiply_row(row, &x[begin]));
            outputs.back().span_maxima = maxima;
        }
    }
    return outputs;
}

double allowed_error(const Expected &expected, uint32_t cols, Arithmetic arithmetic,
                     densq_precision precision, densq_dtype y_dtype) {
    const bool fast = precision == DENSQ_FAST;
    double allowed = (cols / 8.0 + 32) * 0x1p-24 * expected.magnitude + 0x1p-149;
    const double maxima = expected.largest_centroid * expected.span_maxima;
    if (arithmetic == Arithmetic::kCuda)
        allowed += (fast ? 0x1p-11 : 0x1p-22) * expected.magnitude + 0x1p-38 * maxima;
    else if (fast)
        allowed += 0x1p-13 * 1.13 * maxima;
    const double y = std::abs(expected.y) + allowed;
    if (y_dtype == DENSQ_F16) allowed += std::max(0x1p-11 * y, 0x1p-25);
    if (y_dtype == DENSQ_BF16) allowed += 0x1p-8 * y;
    return allowed;
}

void Comparison::add(uint32_t vector, uint32_t row, double y, double expected, double allowed) {
    ++outputs;
    const double share = std::abs(y - expected) / allowed;
    worst = std::isnan(share) ? HUGE_VAL : std::max(worst, share);
    if (share <= 1) return;
    if (wrong++ > 0) return;
    first_wrong = "row " + std::to_string(row) + " of vector " + std::to_string(vector) + " is " +
                  std::to_string(y) + ", not " + std::to_string(expected);
}

}  // namespace densq::tool
