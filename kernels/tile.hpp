// SPDX-License-Identifier: MIT
// tile.hpp - the walk over tiles (densq/layout.h), common to all instruction sets, which supply the
// arithmetic of a row (kernels/instruction_set.hpp).
#pragma once
#include "densq/layout.h"
#include "kernels/compiler.hpp"
#include "kernels/instruction_set.hpp"
#include "kernels/nonzeros.hpp"
#include "kernels/precisions.hpp"
#include "kernels/table.hpp"
#include "kernels/widths.hpp"

namespace densq {
namespace {

// How many tiles ahead of their use tables are prefetched.  Memory is prefetched to the
// second-level cache, because the first-level cache has too few buffers for misses to keep the
// memory busy.
constexpr uint32_t kTilesAhead = 2;
static_assert(kMostTiles <= kTilesAhead);

DENSQ_INLINE void prefetch(const void *at) { __builtin_prefetch(at, 0, 2); }

template <int lines>
DENSQ_INLINE void prefetch_lines(const void *at) {
    DENSQ_UNROLL
    for (size_t i = 0; i < lines; ++i)
        prefetch(static_cast<const char *>(at) + DENSQ_LINE_BYTES * i);
}

// The codes of a tile, read from front to end.
struct CodeStream {
    const uint8_t *at, *end;
    size_t ahead;   // how far ahead of `at` to prefetch; 0: not at all
    size_t beyond;  // from the end of the tile to the one that is read after it

    // Where to prefetch from, NULL: nowhere.
    DENSQ_INLINE const uint8_t *ahead_of_use() const {
        if (!ahead) return nullptr;
        const uint8_t *target = at + ahead;
        return target < end ? target : target + beyond;
    }
};

// Adds one group of each of `rows` rows.
template <class Row, int bits, int rows, int batch>
DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t **codes,
                             const uint8_t **ahead, const typename Row::Block &block,
                             const float *scale, GatherAhead *gather,
                             typename Row::Lanes::Vector (*sums)[batch]) {
    constexpr int kLines = rows * bits;
    if (*ahead) {
        prefetch_lines<kLines>(*ahead);
        *ahead += DENSQ_LINE_BYTES * kLines;
    }
    gather->step();
    Row::template add_groups<rows>(matrix, row, *codes, block, scale, sums);
    *codes += DENSQ_LINE_BYTES * kLines;
}

// Adds a block of the rows of a tile.
template <class Row, int bits, int batch>
DENSQ_INLINE void add_block(const Matrix *matrix, uint32_t first_row, uint32_t tile_rows,
                            CodeStream *stream, const typename Row::Block &block,
                            const float *scale, GatherAhead *gather,
                            typename Row::Lanes::Vector (*sums)[batch]) {
    constexpr uint32_t kRows = Row::kRows;
    const uint8_t *ahead = stream->ahead_of_use(), *codes = stream->at;
    uint32_t r = 0;
    for (; r + kRows <= tile_rows; r += kRows)
        add_groups<Row, bits, kRows>(matrix, first_row + r, &codes, &ahead, block, scale, gather,
                                     sums + r);
    if constexpr (kRows > 1)
        for (; r < tile_rows; ++r)
            add_groups<Row, bits, 1>(matrix, first_row + r, &codes, &ahead, block, scale, gather,
                                     sums + r);
    stream->at = codes;
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
        if (row_ends || unit % Row::kFlushUnits == 0)
            dense.flush(scale + (unit - 1) / Row::kFlushUnits * batch * Row::kFlushScales, *sums);
        if (row_ends) {
            unit = 0;
            ++sums;
            ++row;
        }
        if constexpr (field + 1 < static_cast<int>(DENSQ_GROUP_UNITS))
            add_fields<field + 1>(group, used);
    }
};

// Adds the tails of the rows of a tile.
template <class Row, int bits, int batch>
DENSQ_INLINE void add_tail(const Matrix *matrix, const Activations *activations, uint32_t first_row,
                           uint32_t tile_rows, CodeStream *stream, GatherAhead *gather,
                           typename Row::Lanes::Vector (*sums)[batch]) {
    const size_t blocks = matrix->cols / DENSQ_BLOCK_COLS;
    const auto *x = static_cast<const typename Row::Element *>(activations->prepared) +
                    blocks * DENSQ_BLOCK_COLS * batch;
    const float *scale = activations->scale + Row::kBlockScales * blocks * batch;
    const uint32_t row_units = densq_tail_units(matrix->cols);
    TailWalk<Row, batch> walk{matrix, first_row, 0, row_units, x, scale, sums, Row()};
    for (uint32_t left = tile_rows * row_units; left > 0;) {
        const uint32_t used = left < DENSQ_GROUP_UNITS ? left : DENSQ_GROUP_UNITS;
        if (const uint8_t *ahead = stream->ahead_of_use()) prefetch_lines<bits>(ahead);
        gather->step();
        const auto group = Row::load_group(stream->at, densq_group_lines(used, bits));
        walk.template add_fields<0>(group, used);
        stream->at += DENSQ_LINE_BYTES * bits;
        left -= used;
    }
}

// Rows of tiles that are multiplied together, the tiles side by side: so a thread reads several
// streams of codes, and all of them use a block of activations before the next one is loaded.
template <class Row, int bits, int batch, uint32_t most_tiles>
class TilesWalk {
    using Lanes = typename Row::Lanes;

public:
    DENSQ_INLINE TilesWalk(const Matrix *matrix_, const Activations *activations_, uint32_t first,
                           uint32_t count, size_t ahead)
        : matrix(matrix_), activations(activations_), first_row(first * DENSQ_TILE_ROWS),
          rows(matrix->rows - first_row), tiles(count) {
        if (rows > count * DENSQ_TILE_ROWS) rows = count * DENSQ_TILE_ROWS;
        const size_t tile_bytes = densq_tile_bytes(DENSQ_TILE_ROWS, matrix->cols, bits);
        for (uint32_t t = 0; t < count; ++t) {
            const uint8_t *codes = matrix->codes + (first + t) * tile_bytes;
            stream[t] = {codes, codes + tile_bytes, ahead, (count - 1) * tile_bytes};
        }
    }

    DENSQ_INLINE void multiply(float *y, size_t y_stride) {
        for (uint32_t t = 0; t < tiles; ++t)
            prefetch_tables(row_of(t) + kTilesAhead * DENSQ_TILE_ROWS);
        RowsNonzeros<Row, batch> nonzeros(matrix, activations, first_row, rows);
        GatherAhead gather = nonzeros.ahead();
        for (uint32_t r = 0; r < tiles * DENSQ_TILE_ROWS; ++r)
            for (auto &sum : sums[r]) sum = Lanes::zero();
        add_blocks(&gather);
        if (densq_tail_units(matrix->cols))
            for (uint32_t t = 0; t < tiles; ++t)
                add_tail<Row, bits, batch>(matrix, activations, row_of(t), rows_of(t), &stream[t],
                                           &gather, sums_of(t));
        nonzeros.finish(sums, gather.at);
        for (uint32_t t = 0; t < tiles; ++t) store_sums(t, y + row_of(t), y_stride);
    }

private:
    uint32_t row_of(uint32_t t) const { return first_row + t * DENSQ_TILE_ROWS; }
    uint32_t rows_of(uint32_t t) const {
        const uint32_t left = rows - t * DENSQ_TILE_ROWS;
        return left < DENSQ_TILE_ROWS ? left : DENSQ_TILE_ROWS;
    }
    typename Lanes::Vector (*sums_of(uint32_t t))[batch] { return sums + t * DENSQ_TILE_ROWS; }

    DENSQ_INLINE void add_blocks(GatherAhead *gather) {
        const auto *x = static_cast<const typename Row::Element *>(activations->prepared);
        const float *scale = activations->scale;
        for (uint32_t left = matrix->cols / DENSQ_BLOCK_COLS; left > 0; --left) {
            const typename Row::Block block(x);
            for (uint32_t t = 0; t < tiles; ++t)
                add_block<Row, bits, batch>(matrix, row_of(t), rows_of(t), &stream[t], block, scale,
                                            gather, sums_of(t));
            x += DENSQ_BLOCK_COLS * batch;
            scale += Row::kBlockScales * batch;
        }
    }

    DENSQ_INLINE void store_sums(uint32_t t, float *y, size_t y_stride) {
        for (uint32_t b = 0; b < batch; ++b, y += y_stride) {
            float out[DENSQ_TILE_ROWS];
            Lanes::sum_16(&sums_of(t)[0][b], batch, out);
            for (uint32_t r = 0; r < rows_of(t); ++r) y[r] = out[r];
        }
    }

    // Of a tile.
    DENSQ_INLINE void prefetch_tables(uint32_t row) const {
        const auto *lut = Row::lut_of(matrix, row);
        constexpr size_t kBytes = (DENSQ_TILE_ROWS * sizeof *lut) << bits;
        prefetch_lines<(kBytes + DENSQ_LINE_BYTES - 1) / DENSQ_LINE_BYTES>(lut);
        if (matrix->row_scale)
            prefetch_lines<DENSQ_TILE_ROWS * sizeof(RowScale) / DENSQ_LINE_BYTES>(
                matrix->row_scale + row);
    }

    const Matrix *matrix;
    const Activations *activations;
    uint32_t first_row, rows, tiles;
    CodeStream stream[most_tiles];
    typename Lanes::Vector sums[most_tiles * DENSQ_TILE_ROWS][batch];
};

template <class Row, int bits, int batch>
void multiply_tiles_batch(const Matrix *matrix, const Activations *activations, const Tiles *tiles,
                          float *y, size_t y_stride) {
    // With several vectors it is not the memory that limits.
    constexpr uint32_t kTogether = batch == 1 ? kMostTiles : 1;
    for (uint32_t done = 0; done < tiles->count; done += kTogether) {
        const uint32_t left = tiles->count - done;
        TilesWalk<Row, bits, batch, kTogether>(matrix, activations, tiles->first + done,
                                               left < kTogether ? left : kTogether,
                                               tiles->prefetch_bytes)
            .multiply(y, y_stride);
    }
}

// PrecisionKernels::multiply_tiles for batches up to max_batch.
template <template <int, int> class Row, int bits, int max_batch>
void multiply_tiles(const Matrix *matrix, const Activations *activations, const Tiles *tiles,
                    float *y, size_t y_stride) {
    if constexpr (max_batch > 1)
        if (activations->count < max_batch)
            return multiply_tiles<Row, bits, max_batch / 2>(matrix, activations, tiles, y,
                                                            y_stride);
    multiply_tiles_batch<Row<bits, max_batch>, bits, max_batch>(matrix, activations, tiles, y,
                                                                y_stride);
}

template <template <int, int> class Row>
constexpr PrecisionKernels make_kernels(PrepareActivations prepare) {
    using Widest = Row<DENSQ_MAX_BITS, 1>;
    constexpr int kMaxBatch = Widest::kMaxBatch;
    static_assert(DenseRow<Row<DENSQ_MAX_BITS, kMaxBatch>, kMaxBatch>);
    return {.max_batch = kMaxBatch,
            .element_bytes = sizeof(typename Widest::Element),
            .block_scales = Widest::kBlockScales,
            .prepare = prepare,
            .multiply_tiles = make_width_table<MultiplyTiles>([](auto width) -> MultiplyTiles {
                return multiply_tiles<Row, width.value, kMaxBatch>;
            }),
            .sparse_segment = sparse_segment<typename Widest::Lanes, kMaxBatch>};
}

}  // namespace
}  // namespace densq
