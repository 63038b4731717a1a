// SPDX-License-Identifier: MIT
// tile.hpp - the walk over a tile (densq/layout.h), common to all instruction sets.
//
// An instruction set supplies two things:
//
// Lanes: a vector of partial sums.
//   Vector, zero(), scaled(v, factor)
//   Product, multiply_nonzeros(val, col, count, x, products)    products[i] = val[i] x[col[i]];
//                                 there is room for whole vectors
//   add_products(v, products, count)    v with the products added, lane after lane
//   sum_16(v, stride, out)        out[i] = sum of the lanes of v[i * stride], 16 of them
//   sum(v)                        sum of the lanes of v
//
// Path<bits, batch>: one row's dense arithmetic in one precision.
//   Lanes, Element                the above, the type of a prepared activation
//   Path(matrix, row)             loads the LUT, clears the running sums
//   add_group(codes, x, scale, sums)    a whole group, added to sums[batch]; vectors in x are 512
//                                 elements apart; scale[2][batch] of its two fast blocks
//   Group, load_group(codes, lines)   a group of which the first `lines` lines are readable
//   add_field<field>(group, x, x_stride)   one of its fields, added to the running sums
//   flush(scale, sums)            moves the running sums to sums[batch]; due after every fast block
//   row_scale(matrix)             factor per row that is still to be applied, or NULL
#pragma once
#include "densq/layout.h"
#include "kernels/table.hpp"

#define DENSQ_INLINE inline __attribute__((always_inline))

// Before loops over small arrays that are to live in registers.
#ifdef __clang__
#define DENSQ_UNROLL _Pragma("unroll")
#else
#define DENSQ_UNROLL _Pragma("GCC unroll 16")
#endif

namespace densq {
namespace {

constexpr uint32_t kFastUnits = kFastCols / DENSQ_UNIT_COLS;
constexpr size_t kPrefetchBytes = 4096;  // ahead of the codes in use

template <class Path, int bits, int batch>
DENSQ_INLINE const uint8_t *add_blocks(const Matrix *matrix, const Activations *activations,
                                       uint32_t first_row, uint32_t tile_rows,
                                       const uint8_t *codes,
                                       typename Path::Lanes::Vector (*sums)[batch]) {
    const auto *x = static_cast<const typename Path::Element *>(activations->prepared);
    const uint32_t blocks = matrix->cols / DENSQ_BLOCK_COLS;
    for (uint32_t block = 0; block < blocks; ++block) {
        const float *scale = activations->scale + static_cast<size_t>(2) * block * batch;
        for (uint32_t r = 0; r < tile_rows; ++r) {
            DENSQ_UNROLL
            for (int line = 0; line < bits; ++line)
                __builtin_prefetch(codes + 64 * line + kPrefetchBytes);
            Path path(matrix, first_row + r);
            path.add_group(codes, x, scale, sums[r]);
            codes += DENSQ_LINE_BYTES * bits;
        }
        x += DENSQ_BLOCK_COLS * batch;
    }
    return codes;
}

// A tail's units run on from row to row inside a group.
template <class Path, int batch>
struct TailWalk {
    using Element = typename Path::Element;

    const Matrix *matrix;
    uint32_t row;        // that of the next unit,
    uint32_t unit = 0;   // the number of this unit in it,
    uint32_t row_units;  // of so many
    const Element *x;
    const float *scale;
    typename Path::Lanes::Vector (*sums)[batch];
    Path path;

    // Adds the fields [field, used) of a group.
    template <int field>
    DENSQ_INLINE void add_fields(const typename Path::Group &group, uint32_t used) {
        if (field == used) return;
        path.template add_field<field>(group, x + DENSQ_UNIT_COLS * unit,
                                       DENSQ_UNIT_COLS * row_units);
        ++unit;
        const bool row_ends = unit == row_units;
        if (row_ends || unit % kFastUnits == 0)
            path.flush(scale + (unit - 1) / kFastUnits * batch, *sums);
        if (row_ends) {
            unit = 0;
            ++sums;
            path = Path(matrix, ++row);
        }
        if constexpr (field + 1 < static_cast<int>(DENSQ_GROUP_UNITS))
            add_fields<field + 1>(group, used);
    }
};

template <class Path, int bits, int batch>
DENSQ_INLINE void add_tail(const Matrix *matrix, const Activations *activations,
                           uint32_t first_row, uint32_t tile_rows, const uint8_t *codes,
                           typename Path::Lanes::Vector (*sums)[batch]) {
    const size_t blocks = matrix->cols / DENSQ_BLOCK_COLS;
    const auto *x = static_cast<const typename Path::Element *>(activations->prepared) +
                    blocks * DENSQ_BLOCK_COLS * batch;
    const uint32_t row_units = densq_tail_units(matrix->cols);
    TailWalk<Path, batch> walk{matrix, first_row, 0, row_units, x,
                               activations->scale + 2 * blocks * batch, sums,
                               Path(matrix, first_row)};
    for (uint32_t left = tile_rows * row_units; left > 0;) {
        const uint32_t used = left < DENSQ_GROUP_UNITS ? left : DENSQ_GROUP_UNITS;
        const auto group = Path::load_group(codes, densq_group_lines(used, bits));
        walk.template add_fields<0>(group, used);
        codes += DENSQ_LINE_BYTES * bits;
        left -= used;
    }
}

// Products of nonzeros [begin, end) with one vector's activations.
template <class Lanes>
DENSQ_INLINE void multiply_nonzeros(const Matrix *matrix, const float *x, uint32_t begin,
                                    uint32_t end, typename Lanes::Product *products) {
    const uint16_t *val = matrix->val + begin;
    if (matrix->cols <= 65536)
        Lanes::multiply_nonzeros(val, static_cast<const uint16_t *>(matrix->col) + begin,
                                 end - begin, x, products);
    else
        Lanes::multiply_nonzeros(val, static_cast<const uint32_t *>(matrix->col) + begin,
                                 end - begin, x, products);
}

// Adds the sparse part of a tile's rows but the heavy ones.  A row has few nonzeros, often less
// than a vector, so those of several rows are multiplied together.
template <class Lanes, int batch>
DENSQ_INLINE void add_nonzeros(const Matrix *matrix, const Activations *activations,
                               uint32_t first_row, uint32_t tile_rows,
                               typename Lanes::Vector (*sums)[batch]) {
    typename Lanes::Product products[kHeavyRow];  // whole vectors: a multiple of 16
    const uint32_t *row_ptr = matrix->row_ptr + first_row;
    for (uint32_t r = 0; r < tile_rows;) {
        const uint32_t begin = row_ptr[r];
        uint32_t end_row = r;
        while (end_row < tile_rows && row_ptr[end_row + 1] - begin <= kHeavyRow) ++end_row;
        for (int b = 0; b < batch; ++b) {
            const float *x = activations->x + static_cast<size_t>(b) * activations->x_stride;
            multiply_nonzeros<Lanes>(matrix, x, begin, row_ptr[end_row], products);
            for (uint32_t i = r; i < end_row; ++i)
                sums[i][b] = Lanes::add_products(sums[i][b], products + (row_ptr[i] - begin),
                                                 row_ptr[i + 1] - row_ptr[i]);
        }
        r = end_row > r ? end_row : r + 1;  // a heavy row is passed over
    }
}

// Applies the rows' scales, adds their sparse part and stores y.
template <class Lanes, int batch>
DENSQ_INLINE void finish_tile(const Matrix *matrix, const Activations *activations,
                              uint32_t first_row, uint32_t tile_rows, const float *row_scale,
                              typename Lanes::Vector (*sums)[batch], float *y, size_t y_stride) {
    if (row_scale)
        for (uint32_t r = 0; r < tile_rows; ++r)
            for (int b = 0; b < batch; ++b)
                sums[r][b] = Lanes::scaled(sums[r][b], row_scale[first_row + r]);
    if (matrix->row_ptr)
        add_nonzeros<Lanes, batch>(matrix, activations, first_row, tile_rows, sums);
    for (int b = 0; b < batch; ++b) {
        float out[DENSQ_TILE_ROWS];
        Lanes::sum_16(&sums[0][b], batch, out);
        float *at = y + static_cast<size_t>(b) * y_stride + first_row;
        for (uint32_t r = 0; r < tile_rows; ++r) at[r] = out[r];
    }
}

template <class Path, int bits, int batch>
void multiply_tile_batch(const Matrix *matrix, const Activations *activations, uint32_t tile,
                         float *y, size_t y_stride) {
    using Lanes = typename Path::Lanes;
    const uint32_t first_row = tile * DENSQ_TILE_ROWS;
    const uint32_t tile_rows = densq_tile_rows(matrix->rows, tile);
    const uint8_t *codes =
        matrix->codes + tile * densq_tile_bytes(DENSQ_TILE_ROWS, matrix->cols, bits);
    typename Lanes::Vector sums[DENSQ_TILE_ROWS][batch];
    for (auto &row : sums)
        for (auto &sum : row) sum = Lanes::zero();
    codes = add_blocks<Path, bits, batch>(matrix, activations, first_row, tile_rows, codes, sums);
    if (matrix->cols % DENSQ_BLOCK_COLS)
        add_tail<Path, bits, batch>(matrix, activations, first_row, tile_rows, codes, sums);
    finish_tile<Lanes, batch>(matrix, activations, first_row, tile_rows, Path::row_scale(matrix),
                              sums, y, y_stride);
}

// KernelTable::multiply_tile for batches up to max_batch.
template <template <int, int> class Path, int bits, int max_batch>
void multiply_tile(const Matrix *matrix, const Activations *activations, uint32_t tile, float *y,
                   size_t y_stride) {
    if constexpr (max_batch > 1)
        if (activations->count < max_batch)
            return multiply_tile<Path, bits, max_batch / 2>(matrix, activations, tile, y,
                                                            y_stride);
    multiply_tile_batch<Path<bits, max_batch>, bits, max_batch>(matrix, activations, tile, y,
                                                                y_stride);
}

// KernelTable::sparse_segment.
template <class Lanes>
void sparse_segment(const Matrix *matrix, const Activations *activations, uint32_t begin,
                    uint32_t end, float *sum, size_t sum_stride) {
    typename Lanes::Product products[kHeavyRow];
    for (uint32_t b = 0; b < activations->count; ++b) {
        const float *x = activations->x + b * activations->x_stride;
        multiply_nonzeros<Lanes>(matrix, x, begin, end, products);
        sum[b * sum_stride] = Lanes::sum(Lanes::add_products(Lanes::zero(), products, end - begin));
    }
}

}  // namespace
}  // namespace densq
