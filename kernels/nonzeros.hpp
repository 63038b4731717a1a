// SPDX-License-Identifier: MIT
// nonzeros.hpp - the sparse part of tiles, common to all instruction sets.
//
// A row has few nonzeros, often fewer than a register has lanes.  So the nonzeros of several rows
// are multiplied together, a run of them: activations are gathered into a buffer, the buffer is
// multiplied by the values, and the products of each row are added to its lanes.  No instruction
// gathers faster than single loads do.  With one activation vector, these loads are done between
// the groups of the dense part, whose arithmetic does not use the load ports.
#pragma once
#include "densq/format.h"
#include "kernels/compiler.hpp"
#include "kernels/table.hpp"

namespace densq {
namespace {

// out[b * stride + i] = val[i] * columns[col[i] * batch + b]
template <class Lanes, int batch, typename Col>
DENSQ_INLINE void gather_and_multiply(const uint16_t *val, const Col *col, uint32_t count,
                                      const float *columns, float *out, uint32_t stride) {
    uint32_t first = 0;
    if constexpr (batch == Lanes::kTransposedBatch)
        for (; count - first >= batch; first += batch)
            Lanes::scale_transposed(val + first, col + first, columns, out + first, stride);
    for (uint32_t i = first; i < count; ++i)
        for (int b = 0; b < batch; ++b)
            out[static_cast<uint32_t>(b) * stride + i] =
                columns[static_cast<size_t>(col[i]) * batch + static_cast<size_t>(b)];
    for (int b = 0; b < batch; ++b)
        Lanes::scale_products(out + static_cast<uint32_t>(b) * stride + first, val + first,
                              count - first);
}

// The products of nonzeros [begin, begin + count); those of vector b at out + b * stride.
template <class Lanes, int batch>
DENSQ_INLINE void multiply_nonzeros(const Matrix *matrix, const Activations *activations,
                                    uint32_t begin, uint32_t count, float *out, uint32_t stride) {
    const float *columns = activations->columns;
    const uint16_t *val = matrix->val + begin;
    if (matrix->cols <= DENSQ_MAX_COLS_16) {
        const auto *col = static_cast<const uint16_t *>(matrix->col) + begin;
        gather_and_multiply<Lanes, batch>(val, col, count, columns, out, stride);
    } else {
        const auto *col = static_cast<const uint32_t *>(matrix->col) + begin;
        gather_and_multiply<Lanes, batch>(val, col, count, columns, out, stride);
    }
}

// The size of a buffer for the products of up to `run` nonzeros: products are written in whole
// vectors.
constexpr uint32_t kMostLanes = 16;
constexpr uint32_t stride_for(uint32_t run) { return run + kMostLanes; }

// Gathers for one vector and 16-bit columns, a few nonzeros at a time.
struct GatherAhead {
    static constexpr int kStep = 4;
    using Word __attribute__((may_alias)) = uint32_t;  // a float in a general register

    const Word *x = nullptr;
    const uint16_t *col = nullptr;
    Word *out = nullptr;
    size_t at = 0, end = 0;  // end: a multiple of kStep

    DENSQ_INLINE void step() {
        if (at == end) return;
        DENSQ_UNROLL
        for (int i = 0; i < kStep; ++i) {
            Word word = x[col[at + static_cast<size_t>(i)]];
            // Without this, the compiler first puts four of them together in a vector register.
            __asm__("" : "+r"(word));
            out[at + static_cast<size_t>(i)] = word;
        }
        at += kStep;
    }
};

// The nonzeros of rows that follow each other, without those of heavy rows.
template <class Row, int batch>
class RowsNonzeros {
    using Lanes = typename Row::Lanes;
    using Vector = typename Lanes::Vector;

public:
    DENSQ_INLINE RowsNonzeros(const Matrix *matrix_, const Activations *activations_,
                              uint32_t first_row_, uint32_t rows_)
        : matrix(matrix_), activations(activations_), first_row(first_row_), rows(rows_) {
        if (!matrix->row_ptr) return;
        row_ptr = matrix->row_ptr + first_row;
        begin_run(0);
    }

    // For the nonzeros of the first run.
    DENSQ_INLINE GatherAhead ahead() {
        GatherAhead gather;
        if (batch > 1 || !row_ptr || matrix->cols > DENSQ_MAX_COLS_16) return gather;
        gather.x = reinterpret_cast<const GatherAhead::Word *>(activations->columns);
        gather.col = static_cast<const uint16_t *>(matrix->col) + begin;
        gather.out = reinterpret_cast<GatherAhead::Word *>(buffer[0]);
        gather.end = (end - begin) / GatherAhead::kStep * GatherAhead::kStep;
        return gather;
    }

    // Finishes the sums of the rows and adds their nonzeros.  `gathered`: how many activations of
    // the first run are already in the buffer.
    DENSQ_INLINE void finish(Vector (*sums)[batch], size_t gathered) {
        if (!row_ptr) {
            for (uint32_t r = 0; r < rows; ++r) finish_row(sums, r, 0, 0);
            return;
        }
        while (row < rows) {
            multiply_run(static_cast<uint32_t>(gathered));
            gathered = 0;
            for (uint32_t r = row; r < end_row; ++r)
                finish_row(sums, r, row_ptr[r] - begin, row_ptr[r + 1] - row_ptr[r]);
            if (end_row == row) finish_row(sums, end_row++, 0, 0);  // it is heavy
            if (end_row < rows)
                begin_run(end_row);
            else
                row = rows;
        }
    }

private:
    static constexpr uint32_t kRun = batch == 1 ? 8 * kHeavyRow : kHeavyRow;
    static constexpr uint32_t kStride = stride_for(kRun);

    // Takes as many rows from `first` on as the buffer can hold; none if that one is heavy.
    DENSQ_INLINE void begin_run(uint32_t first) {
        row = first;
        begin = row_ptr[first];
        if (row_ptr[rows] - begin <= kHeavyRow) {
            end_row = rows;
        } else {
            end_row = first;
            while (end_row < rows && row_ptr[end_row + 1] - row_ptr[end_row] <= kHeavyRow &&
                   row_ptr[end_row + 1] - begin <= kRun)
                ++end_row;
        }
        end = row_ptr[end_row];
    }

    DENSQ_INLINE void multiply_run(uint32_t gathered) {
        const uint32_t left = end - begin - gathered;
        Lanes::scale_products(buffer[0], matrix->val + begin, gathered);
        multiply_nonzeros<Lanes, batch>(matrix, activations, begin + gathered, left,
                                        buffer[0] + gathered, kStride);
    }

    DENSQ_INLINE void finish_row(Vector (*sums)[batch], uint32_t r, uint32_t products,
                                 uint32_t count) {
        Vector v[batch];
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            v[b] = Row::finished(matrix, activations, first_row + r, b, sums[r][b]);
        Lanes::template add_products<batch>(v, buffer[0] + products, kStride, count);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) sums[r][b] = v[b];
    }

    const Matrix *matrix;
    const Activations *activations;
    uint32_t first_row, rows;
    const uint32_t *row_ptr = nullptr;  // of the first row
    uint32_t row = 0, end_row = 0;      // of the run, counted from the first row
    uint32_t begin = 0, end = 0;        // its nonzeros
    float buffer[batch][kStride];       // activations, then products
};

template <class Lanes, int batch>
DENSQ_INLINE void sum_segment(const Matrix *matrix, const Activations *activations, uint32_t begin,
                              uint32_t count, float *sum, size_t sum_stride) {
    constexpr uint32_t kStride = stride_for(kHeavyRow);
    float buffer[batch][kStride];
    multiply_nonzeros<Lanes, batch>(matrix, activations, begin, count, buffer[0], kStride);
    typename Lanes::Vector v[batch];
    for (int b = 0; b < batch; ++b) v[b] = Lanes::zero();
    Lanes::template add_products<batch>(v, buffer[0], kStride, count);
    for (int b = 0; b < batch; ++b) sum[static_cast<size_t>(b) * sum_stride] = Lanes::sum(v[b]);
}

// PrecisionKernels::sparse_segment for batches up to max_batch.
template <class Lanes, int max_batch>
void sparse_segment(const Matrix *matrix, const Activations *activations, uint32_t begin,
                    uint32_t end, float *sum, size_t sum_stride) {
    if constexpr (max_batch > 1)
        if (activations->count < max_batch)
            return sparse_segment<Lanes, max_batch / 2>(matrix, activations, begin, end, sum,
                                                        sum_stride);
    sum_segment<Lanes, max_batch>(matrix, activations, begin, end - begin, sum, sum_stride);
}

}  // namespace
}  // namespace densq
