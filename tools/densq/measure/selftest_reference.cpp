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

// The facts of docs/precision.md.
constexpr uint32_t kSpanCols = 256, kBlockLanes = 16;
uint32_t span_of(uint32_t col) { return col / kSpanCols; }
uint32_t lane_of(uint32_t col) {
    return col / DENSQ_BLOCK_COLS * kBlockLanes + col % DENSQ_UNIT_COLS / 2;
}
double largest_integer(uint32_t bits) { return bits == 4 ? 127 : bits == 3 ? 63 : 31; }

template <typename T>
std::vector<T> read_section(const MatrixImage &image, densq_section section) {
    std::vector<T> values(section.bytes / sizeof(T));
    if (section.bytes)
        std::memcpy(values.data(), image.bytes.data() + image.begin + section.offset,
                    section.bytes);
    return values;
}

// sum over groups of columns: columns * max |x|; `group_of` numbers them from 0.
template <typename GroupOf>
double sum_of_maxima(const float *x, uint32_t cols, GroupOf group_of) {
    struct Group {
        double largest = 0x1p-100, columns = 0;
    };
    std::vector<Group> groups(cols + size_t{kBlockLanes});
    for (uint32_t c = 0; c < cols; ++c) {
        Group &group = groups[group_of(c)];
        group.largest = std::max(group.largest, std::abs(static_cast<double>(x[c])));
        ++group.columns;
    }
    double sum = 0;
    for (const Group &group : groups) sum += group.columns * group.largest;
    return sum;
}

}  // namespace

Reference::Reference(const MatrixImage &image)
    : rows(image.rows), cols(image.cols), dense(size_t{rows} * cols), centroids(rows) {
    const uint32_t bits = image.bits;
    const densq_sections sections = densq_place_sections(rows, cols, bits, image.nnz);
    const auto lut = read_section<uint16_t>(image, sections.lut);
    const auto codes = read_section<uint8_t>(image, sections.codes);
    for (uint32_t r = 0; r < rows; ++r) {
        const uint16_t *table = &lut[size_t{r} << bits];
        double lowest = HUGE_VAL, highest = -HUGE_VAL;
        for (uint32_t k = 0; k < 1u << bits; ++k) {
            lowest = std::min(lowest, static_cast<double>(densq_f16_to_f32(table[k])));
            highest = std::max(highest, static_cast<double>(densq_f16_to_f32(table[k])));
        }
        centroids[r] = {std::max(std::abs(lowest), std::abs(highest)),
                        (highest - lowest) / (2 * largest_integer(bits))};
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
    expected.largest_centroid = centroids[row].largest;
    expected.half_step = centroids[row].half_step;
    return expected;
}

std::vector<Expected> Reference::multiply(const std::vector<float> &x) const {
    std::vector<Expected> outputs;
    for (size_t begin = 0; begin < x.size(); begin += cols) {
        const double spans = sum_of_maxima(&x[begin], cols, span_of);
        const double lanes = sum_of_maxima(&x[begin], cols, lane_of);
        for (uint32_t row = 0; row < rows; ++row) {
            outputs.push_back(multiply_row(row, &x[begin]));
            outputs.back().span_maxima = spans;
            outputs.back().lane_maxima = lanes;
        }
    }
    return outputs;
}

double allowed_error(const Expected &expected, uint32_t cols, Arithmetic arithmetic,
                     densq_precision precision, densq_dtype y_dtype) {
    const double half_step = expected.half_step, largest = expected.largest_centroid;
    const double spans = largest * expected.span_maxima, lanes = expected.lane_maxima;
    double of_integers = 0, terms = expected.magnitude;
    if (arithmetic == Arithmetic::kCuda) {
        of_integers = (precision == DENSQ_FAST ? 0x1p-11 : 0x1p-22) * terms + 0x1p-38 * spans;
    } else if (precision == DENSQ_FAST) {
        of_integers = 0x1p-13 * 1.13 * spans;
    } else if (precision == DENSQ_INT8) {
        of_integers = 1.01 * (half_step + (largest + half_step) / 254) * lanes;
        terms += 3 * largest * lanes;
    }
    double allowed = of_integers + (cols / 8.0 + 32) * 0x1p-24 * (terms + of_integers) +
                     (cols + 32.0) * 0x1p-149;
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
