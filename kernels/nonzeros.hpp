// SPDX-License-Identifier: MIT
// nonzeros.hpp - the sparse part of a tile, common to all instruction sets.
//
// A row has few nonzeros, often less than a vector, so a run of them is multiplied at a time,
// across rows: activations are gathered into a buffer, the buffer is multiplied by the values,
// and each row's products are added to its lanes.  Gathering has no instruction that is faster than
// loads one by one; with one activation vector these happen between the groups of the dense part,
// whose arithmetic leaves the load ports idle.
#pragma once
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

// out[b * stride + i] = the activations of vector b that nonzeros [begin, begin + count) meet.
template <int batch, typename Col>
DENSQ_INLINE void gather_each(const Col *col, uint32_t count, const float *columns, float *out,
                              uint32_t stride) {
    for (uint32_t i = 0; i < count; ++i)
        for (int b = 0; b < batch; ++b)
            out[static_cast<uint32_t>(b) * stride + i] =
                columns[static_cast<size_t>(col[i]) * batch + static_cast<size_t>(b)];
}

template <class Lanes, int batch>
DENSQ_INLINE void gather(const Matrix *matrix, const Activations *activations, uint32_t begin,
                         uint32_t count, float *out, uint32_t stride) {
    const float *columns = activations->columns;
    if (matrix->cols <= 65536) {
        const auto *col = static_cast<const uint16_t *>(matrix->col) + begin;
        Lanes::template gather<batch>(col, count, columns, out, stride);
    } else {
        const auto *col = static_cast<const uint32_t *>(matrix->col) + begin;
        Lanes::template gather<batch>(col, count, columns, out, stride);
    }
}

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
            __asm__("" : "+r"(word));
            out[at + static_cast<size_t>(i)] = word;
        }
        at += kStep;
    }
};

// The nonzeros of a tile's rows but the heavy ones.
template <class Lanes, int batch>
class Nonzeros {
public:
    DENSQ_INLINE Nonzeros(const Matrix *matrix_, const Activations *activations_,
                          uint32_t first_row, uint32_t tile_rows)
        : matrix(matrix_), activations(activations_), rows(tile_rows) {
        if (!matrix->row_ptr) return;
        row_ptr = matrix->row_ptr + first_row;
        begin_run(0);
    }

    // Of the first run.
    DENSQ_INLINE GatherAhead ahead() {
        GatherAhead gather;
        if (batch > 1 || !row_ptr || matrix->cols > 65536) return gather;
        gather.x = reinterpret_cast<const GatherAhead::Word *>(activations->columns);
        gather.col = static_cast<const uint16_t *>(matrix->col) + begin;
        gather.out = reinterpret_cast<GatherAhead::Word *>(buffer[0]);
        gather.end = (end - begin) / GatherAhead::kStep * GatherAhead::kStep;
        return gather;
    }

    // `gathered`: so many of the first run's nonzeros are.
    DENSQ_INLINE void add_to(typename Lanes::Vector (*sums)[batch], size_t gathered_) {
        if (!row_ptr) return;
        auto gathered = static_cast<uint32_t>(gathered_);
        while (row < rows) {
            gather<Lanes, batch>(matrix, activations, begin + gathered, end - begin - gathered,
                                 buffer[0] + gathered, kRun);
            add_run(sums);
            begin_run(end_row > row ? end_row : row + 1);  // a heavy row is passed over
            gathered = 0;
        }
    }

private:
    static constexpr uint32_t kRun = batch == 1 ? 4 * kHeavyRow : kHeavyRow;

    // As many rows, from `first`, as the buffer holds; none if this one is heavy.
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

    DENSQ_INLINE void add_run(typename Lanes::Vector (*sums)[batch]) {
        for (int b = 0; b < batch; ++b) {
            Lanes::multiply(buffer[b], matrix->val + begin, end - begin);
            for (uint32_t r = row; r < end_row; ++r)
                sums[r][b] = Lanes::add_products(sums[r][b], buffer[b] + (row_ptr[r] - begin),
                                                 row_ptr[r + 1] - row_ptr[r]);
        }
    }

    const Matrix *matrix;
    const Activations *activations;
    uint32_t rows;
    const uint32_t *row_ptr = nullptr;  // of the tile
    uint32_t row = 0, end_row = 0;      // of the run, in the tile
    uint32_t begin = 0, end = 0;        // its nonzeros
    float buffer[batch][kRun];  // activations, then products; whole vectors
};

template <class Lanes, int batch>
DENSQ_INLINE void sum_segment(const Matrix *matrix, const Activations *activations, uint32_t begin,
                              uint32_t count, float *sum, size_t sum_stride) {
    float buffer[batch][kHeavyRow];
    gather<Lanes, batch>(matrix, activations, begin, count, buffer[0], kHeavyRow);
    for (int b = 0; b < batch; ++b) {
        Lanes::multiply(buffer[b], matrix->val + begin, count);
        sum[static_cast<size_t>(b) * sum_stride] =
            Lanes::sum(Lanes::add_products(Lanes::zero(), buffer[b], count));
    }
}

// KernelTable::sparse_segment for batches up to max_batch.
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
