// SPDX-License-Identifier: MIT
// random_matrix.hpp - quantized matrices of random content, with what they stand for in double.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "densq/densq.h"
#include "densq/half.h"
#include "densq/layout.h"
#include "kernels/table.hpp"

namespace densq::test {

using Random = std::mt19937;

inline uint32_t below(Random &random, uint32_t limit) {
    return static_cast<uint32_t>(random() % limit);
}

enum class Sparsity {
    kNone,
    kSome,      // about 5 %, many rows empty
    kOneRow,    // all nonzeros in one full row
    kOneColumn  // every row has the last column
};

struct RandomMatrix {
    uint32_t rows, cols, bits;
    std::vector<uint8_t> codes;
    std::vector<uint16_t> lut;
    std::vector<uint32_t> row_ptr;
    std::vector<uint16_t> col16;
    std::vector<uint32_t> col32;
    std::vector<uint16_t> val;
    std::vector<double> dense, sparse;  // [rows][cols]

    double weight(uint32_t row, uint32_t col) const {
        return dense[at(row, col)] + sparse[at(row, col)];
    }
    size_t at(uint32_t row, uint32_t col) const { return static_cast<size_t>(row) * cols + col; }

    // Views the vectors; these must not change while it is in use.
    Matrix view() const {
        Matrix matrix = {};
        matrix.rows = rows;
        matrix.cols = cols;
        matrix.bits = bits;
        matrix.codes = codes.data();
        matrix.lut = lut.data();
        if (val.empty()) return matrix;
        matrix.row_ptr = row_ptr.data();
        matrix.col =
            cols <= DENSQ_MAX_COLS_16 ? static_cast<const void *>(col16.data()) : col32.data();
        matrix.val = val.data();
        return matrix;
    }
};

inline uint16_t random_half(Random &random, float deviation) {
    return densq_f32_to_f16(std::normal_distribution<float>(0, deviation)(random));
}

// Puts another code in the place of one that is there.
inline void set_code(RandomMatrix *m, uint32_t row, uint32_t col, uint32_t code) {
    const densq_code_place place = densq_place_code(m->rows, m->cols, m->bits, row, col);
    uint8_t *group = m->codes.data() + place.group;
    std::vector<uint8_t> mask(size_t{DENSQ_LINE_BYTES} * m->bits);
    densq_put_code(mask.data(), m->bits, place.field, place.slot, (1u << m->bits) - 1);
    for (size_t i = 0; i < mask.size(); ++i)
        if (mask[i]) group[i] = static_cast<uint8_t>(group[i] & ~mask[i]);
    densq_put_code(group, m->bits, place.field, place.slot, code);
}

// The dense weights that LUTs and codes stand for.
inline void set_dense(RandomMatrix *m) {
    for (uint32_t row = 0; row < m->rows; ++row)
        for (uint32_t col = 0; col < m->cols; ++col) {
            const densq_code_place place = densq_place_code(m->rows, m->cols, m->bits, row, col);
            const uint32_t code =
                densq_get_code(m->codes.data() + place.group, m->bits, place.field, place.slot);
            m->dense[m->at(row, col)] = static_cast<double>(
                densq_f16_to_f32(m->lut[(static_cast<size_t>(row) << m->bits) + code]));
        }
}

inline void add_sparse(RandomMatrix *m, Sparsity sparsity, Random &random) {
    m->row_ptr.assign(1, 0);
    const uint32_t full_row = below(random, m->rows);
    for (uint32_t row = 0; row < m->rows; ++row) {
        const bool empty_row = below(random, 3) == 0;
        for (uint32_t col = 0; col < m->cols; ++col) {
            const bool nonzero = sparsity == Sparsity::kSome ? !empty_row && below(random, 13) == 0
                                 : sparsity == Sparsity::kOneRow ? row == full_row
                                                                 : col == m->cols - 1;
            if (!nonzero) continue;
            m->col16.push_back(static_cast<uint16_t>(col));
            m->col32.push_back(col);
            m->val.push_back(random_half(random, 0.5f));
            m->sparse[m->at(row, col)] = densq_f16_to_f32(m->val.back());
        }
        m->row_ptr.push_back(static_cast<uint32_t>(m->val.size()));
    }
}

inline RandomMatrix make_matrix(uint32_t rows, uint32_t cols, uint32_t bits, Sparsity sparsity,
                                Random &random) {
    RandomMatrix m;
    m.rows = rows;
    m.cols = cols;
    m.bits = bits;
    m.codes.resize(densq_codes_bytes(rows, cols, bits));
    m.dense.resize(static_cast<size_t>(rows) * cols);
    m.sparse.resize(m.dense.size());
    for (uint32_t i = 0; i < rows << bits; ++i) m.lut.push_back(random_half(random, 0.05f));
    for (uint32_t row = 0; row < rows; ++row) {
        for (uint32_t col = 0; col < cols; ++col) {
            const uint32_t code = below(random, 1u << bits);
            const densq_code_place place = densq_place_code(rows, cols, bits, row, col);
            densq_put_code(m.codes.data() + place.group, bits, place.field, place.slot, code);
            m.dense[m.at(row, col)] = densq_f16_to_f32(m.lut[(row << bits) + code]);
        }
    }
    if (sparsity != Sparsity::kNone) add_sparse(&m, sparsity, random);
    return m;
}

// Activations like a language model's: bell-shaped, and a few a hundred times as large.
inline std::vector<float> make_activations(size_t count, Random &random) {
    std::normal_distribution<float> bell(0, 1);
    std::vector<float> x(count);
    for (float &value : x) value = bell(random) * (below(random, 97) ? 1.0f : 100.0f);
    return x;
}

// y = W x in double, with what the error bounds are made of.
struct Expected {
    double y = 0;
    double magnitude = 0;    // sum_c |w x|, the dense and the sparse part apart
    double span_maxima = 0;  // sum_s n_s max |x|
    double lane_maxima = 0;  // the same for the lanes of blocks
    double largest_centroid = 0, range_of_centroids = 0;
};

// For number `col` of a row: its lane in the whole row (kernels/table.hpp).
inline uint32_t lane_in_row(uint32_t col) {
    return col / DENSQ_BLOCK_COLS * kBlockLanes + col % DENSQ_UNIT_COLS / 2;
}

// sum_g n_g max |x| over groups of columns.
template <typename GroupOf>
double sum_of_maxima(uint32_t cols, const float *x, GroupOf group_of) {
    std::vector<double> largest(cols + kBlockLanes, 0x1p-100), number(cols + kBlockLanes);
    for (uint32_t col = 0; col < cols; ++col) {
        const uint32_t group = group_of(col);
        largest[group] = std::max(largest[group], std::abs(static_cast<double>(x[col])));
        ++number[group];
    }
    return std::inner_product(largest.begin(), largest.end(), number.begin(), 0.0);
}

inline Expected expect(const RandomMatrix &m, uint32_t row, const float *x) {
    Expected e;
    const uint16_t *lut = m.lut.data() + (static_cast<size_t>(row) << m.bits);
    double lowest = 1e30, highest = -1e30;
    for (uint32_t k = 0; k < 1u << m.bits; ++k) {
        const double entry = densq_f16_to_f32(lut[k]);
        lowest = std::min(lowest, entry);
        highest = std::max(highest, entry);
    }
    e.largest_centroid = std::max(std::abs(lowest), std::abs(highest));
    e.range_of_centroids = highest - lowest;
    for (uint32_t col = 0; col < m.cols; ++col) {
        const double value = x[col];
        e.y += m.weight(row, col) * value;
        e.magnitude += (std::abs(m.dense[m.at(row, col)]) + std::abs(m.sparse[m.at(row, col)])) *
                       std::abs(value);
    }
    e.span_maxima = sum_of_maxima(m.cols, x, [](uint32_t col) { return col / kSpanCols; });
    e.lane_maxima = sum_of_maxima(m.cols, x, lane_in_row);
    return e;
}

// The documented error bounds (docs/precision.md): of rounding to integers, and of F32.
inline double integer_bound(const RandomMatrix &m, const Expected &e, densq_precision precision) {
    if (precision == DENSQ_FAST) return 0x1p-13 * 1.13 * e.largest_centroid * e.span_maxima;
    if (precision == DENSQ_EXACT) return 0;
    const double half_step = e.range_of_centroids / (2 * int8_max_lut(m.bits));
    return 1.01 * (half_step + (e.largest_centroid + half_step) / 254) * e.lane_maxima;
}

inline double rounding_bound(const RandomMatrix &m, const Expected &e, densq_precision precision) {
    const double int8_terms = precision == DENSQ_INT8 ? 3 * e.largest_centroid * e.lane_maxima : 0;
    const double terms = e.magnitude + integer_bound(m, e, precision) + int8_terms;
    return (m.cols / 8.0 + 32) * 0x1p-24 * terms + (m.cols + 32) * 0x1p-149;
}

inline double error_bound(const RandomMatrix &m, const Expected &e, densq_precision precision) {
    return integer_bound(m, e, precision) + rounding_bound(m, e, precision);
}

}  // namespace densq::test
