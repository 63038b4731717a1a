// SPDX-License-Identifier: MIT
// tile.hpp - the walk over a tile (densq/layout.h), common to all instruction sets, which supply
// the arithmetic of a row (kernels/instruction_set.hpp).
#pragma once
#include "densq/layout.h"
#include "kernels/compiler.hpp"
#include "kernels/instruction_set.hpp"
#include "kernels/nonzeros.hpp"
#include "kernels/table.hpp"
#include "kernels/widths.hpp"

namespace densq {
namespace {

// lut_of: the 2^bits entries of the LUT of a row.  row_scale: where the factors of this row and the
// following ones lie, by which their sums must still be multiplied; NULL if there are none.
template <int bits>
struct ExactTables {
    static DENSQ_INLINE const uint16_t *lut_of(const Matrix *matrix, uint32_t row) {
        return matrix->lut + (static_cast<size_t>(row) << bits);
    }
    static DENSQ_INLINE const float *row_scale(const Matrix *, uint32_t) { return nullptr; }
};

template <int bits>
struct FastTables {
    static DENSQ_INLINE const int16_t *lut_of(const Matrix *matrix, uint32_t row) {
        return matrix->fast_lut + (static_cast<size_t>(row) << bits);
    }
    static DENSQ_INLINE const float *row_scale(const Matrix *matrix, uint32_t row) {
        return matrix->fast_scale + row;
    }
};

// How far ahead of its use memory is prefetched.  It goes to the second-level cache, because the
// first-level cache has too few buffers for misses to keep the memory busy.
constexpr size_t kCodesAhead = 8192;  // bytes
constexpr uint32_t kTilesAhead = 2;

DENSQ_INLINE void prefetch(const void *at) { __builtin_prefetch(at, 0, 2); }

template <int lines>
DENSQ_INLINE void prefetch_lines(const void *at) {
    DENSQ_UNROLL
    for (size_t i = 0; i < lines; ++i)
        prefetch(static_cast<const char *>(at) + DENSQ_LINE_BYTES * i);
}

// Adds one group of each of `rows` rows.  Returns where the next group begins.
template <class Row, int bits, int rows, int batch>
DENSQ_INLINE const uint8_t *add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                       const typename Row::Block &block, const float *scale,
                                       GatherAhead *ahead,
                                       typename Row::Lanes::Vector (*sums)[batch]) {
    constexpr int kLines = rows * bits;
    prefetch_lines<kLines>(codes + kCodesAhead);
    ahead->step();
    Row::template add_groups<rows>(matrix, row, codes, block, scale, sums);
    return codes + DENSQ_LINE_BYTES * kLines;
}

template <class Row, int bits, int batch>
DENSQ_INLINE const uint8_t *add_blocks(const Matrix *matrix, const Activations *activations,
                                       uint32_t first_row, uint32_t tile_rows, const uint8_t *codes,
                                       GatherAhead *ahead,
                                       typename Row::Lanes::Vector (*sums)[batch]) {
    constexpr uint32_t kRows = Row::kRows;
    const auto *x = static_cast<const typename Row::Element *>(activations->prepared);
    const float *scale = activations->scale;
    const uint32_t blocks = matrix->cols / DENSQ_BLOCK_COLS;
    for (uint32_t i = 0; i < blocks; ++i) {
        const typename Row::Block block(x);
        uint32_t r = 0;
        for (; r + kRows <= tile_rows; r += kRows)
            codes = add_groups<Row, bits, kRows>(matrix, first_row + r, codes, block, scale, ahead,
                                                 sums + r);
        if constexpr (kRows > 1)
            for (; r < tile_rows; ++r)
                codes = add_groups<Row, bits, 1>(matrix, first_row + r, codes, block, scale, ahead,
                                                 sums + r);
        x += DENSQ_BLOCK_COLS * batch;
        scale += kBlockSpans * batch;
    }
    return codes;
}

// Walks over the units of a tail: a group may have units of several rows.
template <class Row, int batch>
struct TailWalk {
    using Element = typename Row::Element;

    const Matrix *matrix;
    uint32_t row;        // the row of the next unit
    uint32_t unit = 0;   // the number of this unit in its row
    uint32_t row_units;  // the units of a row
    const Element *x;
    const float *scale;
    typename Row::Lanes::Vector (*sums)[batch];
    Row dense;

    // Adds the fields [field, used) of a group.
    template <int field>
    DENSQ_INLINE void add_fields(const typename Row::Group &group, uint32_t used) {
        if (field == used) return;
        if (unit == 0) dense.begin_row(matrix, row);
        dense.template add_field<field>(group, x + DENSQ_UNIT_COLS * unit,
                                        DENSQ_UNIT_COLS * row_units);
        ++unit;
        const bool row_ends = unit == row_units;
        if (row_ends || unit % kSpanUnits == 0)
            dense.flush(scale + (unit - 1) / kSpanUnits * batch, *sums);
        if (row_ends) {
            unit = 0;
            ++sums;
            ++row;
        }
        if constexpr (field + 1 < static_cast<int>(DENSQ_GROUP_UNITS))
            add_fields<field + 1>(group, used);
    }
};

template <class Row, int bits, int batch>
DENSQ_INLINE void add_tail(const Matrix *matrix, const Activations *activations, uint32_t first_row,
                           uint32_t tile_rows, const uint8_t *codes, GatherAhead *ahead,
                           typename Row::Lanes::Vector (*sums)[batch]) {
    const size_t blocks = matrix->cols / DENSQ_BLOCK_COLS;
    const auto *x = static_cast<const typename Row::Element *>(activations->prepared) +
                    blocks * DENSQ_BLOCK_COLS * batch;
    const uint32_t row_units = densq_tail_units(matrix->cols);
    TailWalk<Row, batch> walk{
        matrix, first_row, 0, row_units, x, activations->scale + kBlockSpans * blocks * batch,
        sums,   Row()};
    for (uint32_t left = tile_rows * row_units; left > 0;) {
        const uint32_t used = left < DENSQ_GROUP_UNITS ? left : DENSQ_GROUP_UNITS;
        prefetch_lines<bits>(codes + kCodesAhead);
        ahead->step();
        const auto group = Row::load_group(codes, densq_group_lines(used, bits));
        walk.template add_fields<0>(group, used);
        codes += DENSQ_LINE_BYTES * bits;
        left -= used;
    }
}

template <class Lanes, int batch>
DENSQ_INLINE void store_sums(uint32_t tile_rows, const typename Lanes::Vector (*sums)[batch],
                             float *y, size_t y_stride) {
    for (int b = 0; b < batch; ++b) {
        float out[DENSQ_TILE_ROWS];
        Lanes::sum_16(&sums[0][b], batch, out);
        float *at = y + static_cast<size_t>(b) * y_stride;
        for (uint32_t r = 0; r < tile_rows; ++r) at[r] = out[r];
    }
}

template <class Row, int bits>
DENSQ_INLINE void prefetch_tables(const Matrix *matrix, uint32_t row) {
    constexpr int kTableBytes = static_cast<int>(DENSQ_TILE_ROWS * sizeof(uint16_t)) << bits;
    prefetch_lines<kTableBytes / static_cast<int>(DENSQ_LINE_BYTES)>(Row::lut_of(matrix, row));
    if (const float *row_scale = Row::row_scale(matrix, row)) prefetch(row_scale);
}

template <class Row, int bits, int batch>
void multiply_tile_batch(const Matrix *matrix, const Activations *activations, uint32_t tile,
                         float *y, size_t y_stride) {
    using Lanes = typename Row::Lanes;
    const uint32_t first_row = tile * DENSQ_TILE_ROWS;
    const uint32_t tile_rows = densq_tile_rows(matrix->rows, tile);
    const uint32_t tail_units = tile_rows * densq_tail_units(matrix->cols);
    const uint8_t *codes =
        matrix->codes + tile * densq_tile_bytes(DENSQ_TILE_ROWS, matrix->cols, bits);
    prefetch_tables<Row, bits>(matrix, first_row + kTilesAhead * DENSQ_TILE_ROWS);
    TileNonzeros<Lanes, batch> nonzeros(matrix, activations, first_row, tile_rows);
    GatherAhead ahead = nonzeros.ahead();
    typename Lanes::Vector sums[DENSQ_TILE_ROWS][batch];
    for (auto &row : sums)
        for (auto &sum : row) sum = Lanes::zero();
    codes = add_blocks<Row, bits, batch>(matrix, activations, first_row, tile_rows, codes, &ahead,
                                         sums);
    if (tail_units)
        add_tail<Row, bits, batch>(matrix, activations, first_row, tile_rows, codes, &ahead, sums);
    nonzeros.finish(sums, Row::row_scale(matrix, first_row), ahead.at);
    store_sums<Lanes, batch>(tile_rows, sums, y + first_row, y_stride);
}

// KernelTable::multiply_tile for batches up to max_batch.
template <template <int, int> class Row, int bits, int max_batch>
void multiply_tile(const Matrix *matrix, const Activations *activations, uint32_t tile, float *y,
                   size_t y_stride) {
    if constexpr (max_batch > 1)
        if (activations->count < max_batch)
            return multiply_tile<Row, bits, max_batch / 2>(matrix, activations, tile, y, y_stride);
    multiply_tile_batch<Row<bits, max_batch>, bits, max_batch>(matrix, activations, tile, y,
                                                               y_stride);
}

template <template <int, int> class Row>
constexpr PrecisionKernels make_kernels(PrepareActivations prepare) {
    constexpr int kMaxBatch = Row<DENSQ_MAX_BITS, 1>::Lanes::kMaxBatch;
    static_assert(DenseRow<Row<DENSQ_MAX_BITS, kMaxBatch>, kMaxBatch>);
    return {prepare, make_width_table<MultiplyTile>([](auto width) -> MultiplyTile {
                return multiply_tile<Row, width.value, kMaxBatch>;
            })};
}

// `fast` and `exact` are made of the same Lanes.
template <class Lanes>
constexpr KernelTable make_table(const char *name, uint32_t cpu_features,
                                 const PrecisionKernels *fast, const PrecisionKernels *exact) {
    return {.name = name,
            .cpu_features = cpu_features,
            .max_batch = Lanes::kMaxBatch,
            .fast = fast,
            .exact = exact,
            .sparse_segment = sparse_segment<Lanes, Lanes::kMaxBatch>};
}

}  // namespace
}  // namespace densq
