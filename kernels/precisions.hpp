// SPDX-License-Identifier: MIT
// precisions.hpp - where the rows of each precision find their tables and scales, the same for all
// instruction sets.
#pragma once
#include "kernels/compiler.hpp"
#include "kernels/table.hpp"

namespace densq {
namespace {

template <class Lanes_, int bits>
struct ExactTables {
    using Lanes = Lanes_;
    using Element = float;
    static constexpr uint32_t kBlockScales = 0, kFlushScales = 0;
    static constexpr uint32_t kFlushUnits = kSpanUnits;

    static DENSQ_INLINE const uint16_t *lut_of(const Matrix *matrix, uint32_t row) {
        return matrix->lut + (static_cast<size_t>(row) << bits);
    }
    static DENSQ_INLINE typename Lanes::Vector finished(const Matrix *, const Activations *,
                                                        uint32_t, int,
                                                        typename Lanes::Vector sums) {
        return sums;
    }
};

template <class Lanes_, int bits>
struct FastTables {
    using Lanes = Lanes_;
    using Element = int16_t;
    static constexpr uint32_t kBlockScales = kBlockSpans, kFlushScales = 1;
    static constexpr uint32_t kFlushUnits = kSpanUnits;

    static DENSQ_INLINE const int16_t *lut_of(const Matrix *matrix, uint32_t row) {
        return static_cast<const int16_t *>(matrix->integers) + (static_cast<size_t>(row) << bits);
    }
    static DENSQ_INLINE typename Lanes::Vector finished(const Matrix *matrix,
                                                        const Activations *activations,
                                                        uint32_t row, int b,
                                                        typename Lanes::Vector sums) {
        return Lanes::scaled(sums, matrix->row_scale[row].scale * activations->vector_scale[b]);
    }
};

template <class Lanes_, int bits>
struct Int8Tables {
    using Lanes = Lanes_;
    using Element = int8_t;
    static constexpr uint32_t kBlockScales = kBlockLanes, kFlushScales = kBlockLanes;
    static constexpr uint32_t kFlushUnits = DENSQ_GROUP_UNITS;

    static DENSQ_INLINE const uint8_t *lut_of(const Matrix *matrix, uint32_t row) {
        return static_cast<const uint8_t *>(matrix->integers) + (static_cast<size_t>(row) << bits);
    }
    static DENSQ_INLINE typename Lanes::Vector finished(const Matrix *matrix,
                                                        const Activations *activations,
                                                        uint32_t row, int b,
                                                        typename Lanes::Vector sums) {
        const RowScale of_row = matrix->row_scale[row];
        const float factor = activations->vector_scale[b];
        const float *lane_sums = activations->lane_sums + static_cast<size_t>(b) * kBlockLanes;
        // sum of (integer * scale + offset) * x over the columns of each lane
        return Lanes::sum_of_products(sums, of_row.scale * factor, lane_sums,
                                      of_row.offset * factor);
    }
};

}  // namespace
}  // namespace densq
