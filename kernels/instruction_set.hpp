// SPDX-License-Identifier: MIT
// instruction_set.hpp - what an instruction set supplies to the walk over a tile (kernels/tile.hpp)
// and to the sparse part (kernels/nonzeros.hpp).
#pragma once
#include "kernels/table.hpp"

namespace densq {
namespace {

template <typename A, typename B>
constexpr bool kSame = false;
template <typename A>
constexpr bool kSame<A, A> = true;

// Lanes: a vector of partial sums.
template <class Lanes, int batch>
concept PartialSums =
    requires(typename Lanes::Vector v, typename Lanes::Vector *sums, const uint16_t *val,
             const uint32_t *col, const float *in, float *out, uint32_t count, uint32_t stride) {
        v = Lanes::zero();
        out[0] = Lanes::sum(v);  // of its lanes
        // out[i] = the sum of the lanes of sums[i * stride], 16 of them
        Lanes::sum_16(sums, size_t{stride}, out);
        // adds in[b * stride + i] to lane i % lanes of sums[b], i ascending
        Lanes::template add_products<batch>(sums, in, stride, count);
        // out[i] *= val[i]; there is room for whole vectors
        Lanes::scale_products(out, val, count);
        // for kTransposedBatch nonzeros and vectors (0: there is no such function)
        // out[b * stride + i] = val[i] * in[col[i] * kTransposedBatch + b]
        requires Lanes::kTransposedBatch == 0 ||
                         requires { Lanes::scale_transposed(val, col, in, out, stride); };
    };

// Row<bits, batch>: a row's dense arithmetic in one precision.
template <class Row, int batch>
concept DenseRow =
    PartialSums<typename Row::Lanes, batch> &&
    requires(Row dense, const Matrix *matrix, const Activations *activations, uint32_t row,
             const uint8_t *codes, uint32_t lines, const typename Row::Element *x, size_t x_stride,
             const typename Row::Block &block, const typename Row::Group &group, const float *scale,
             typename Row::Lanes::Vector *sums, typename Row::Lanes::Vector (*row_sums)[batch]) {
        // activations of 512 columns, vector after vector
        static_cast<typename Row::Block>(x);
        // elements of `scale` for a block of one vector, and how many of them a flush takes
        uint32_t{Row::kBlockScales + Row::kFlushScales};
        // after so many units sums must be flushed
        uint32_t{Row::kFlushUnits};
        // one group of each of kRows rows, or of one, from `row` on, added to row_sums[kRows];
        // scale[kBlockScales / kFlushScales][batch][kFlushScales]
        Row::template add_groups<Row::kRows>(matrix, row, codes, block, scale, row_sums);
        Row::template add_groups<1>(matrix, row, codes, block, scale, row_sums);
        dense.begin_row(matrix, row);  // loads the LUT, clears the running sums
        // a group of which the first `lines` lines are readable
        requires kSame<decltype(Row::load_group(codes, lines)), typename Row::Group>;
        dense.template add_field<0>(group, x, x_stride);  // added to the running sums
        dense.flush(scale, sums);                         // moves them to sums[batch]
        Row::lut_of(matrix, row);  // the entries of a row, in the form of the precision
        // what the sums of a row and a vector stand for
        *sums = Row::finished(matrix, activations, row, 0, *sums);
    };

}  // namespace
}  // namespace densq
