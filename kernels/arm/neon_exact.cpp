// SPDX-License-Identifier: MIT
// neon_exact.cpp - the exact precision: fp16 entries looked up by their bytes, converted to F32,
// and fused multiply-adds.
#include "kernels/prepare_activations.hpp"

#include "neon_fields.hpp"
#include "neon_lanes.hpp"

namespace densq {
namespace {

template <int bits, int batch>
class ExactRow : public ExactTables<Lanes8, bits> {
public:
    static constexpr int kMaxBatch = 4;
    using Group = const uint8_t *;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        table.set(ExactRow::lut_of(matrix, row));
        clear();
    }

    using Block = const float *;
    static constexpr int kRows = 1;

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale,
                                        Lanes8::Vector (*sums)[batch]) {
        ExactRow dense;
        dense.begin_row(matrix, row);
        DENSQ_ROLLED
        for (int quarter = 0; quarter < kQuarters; ++quarter)
            dense.template add_pairs<0>(codes, quarter, x);
        dense.flush(scale, *sums);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t) { return codes; }

    template <int field>
    DENSQ_INLINE void add_field(Group group, const float *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int quarter = 0; quarter < kQuarters; ++quarter)
            add_products(table.template look_up_field<field>(group, quarter), quarter % 2,
                         x + 8 * quarter, x_stride);
    }

    DENSQ_INLINE void flush(const float *, Lanes8::Vector *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int half = 0; half < 2; ++half)
                sums[b].val[half] =
                    vaddq_f32(sums[b].val[half], vaddq_f32(sum[b][0][half], sum[b][1][half]));
        }
        clear();
    }

private:
    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int half = 0; half < 2; ++half) sum[b][0][half] = sum[b][1][half] = vdupq_n_f32(0);
        }
    }

    template <int pair>
    DENSQ_INLINE void add_pairs(const uint8_t *group, int quarter, const float *x) {
        const uint16x8x2_t weights = table.template look_up_pair<pair>(group, quarter);
        const float *at = x + 8 * quarter;
        add_products(weights.val[0], 0, at + DENSQ_UNIT_COLS * kLowField<bits, pair>,
                     DENSQ_BLOCK_COLS);
        add_products(weights.val[1], 1, at + DENSQ_UNIT_COLS * kHighField<bits, pair>,
                     DENSQ_BLOCK_COLS);
        if constexpr (pair + 1 < kPairs) add_pairs<pair + 1>(group, quarter, x);
    }

    // 8 columns.
    DENSQ_INLINE void add_products(uint16x8_t halves, int chain, const float *x, size_t x_stride) {
        const float16x8_t weight = vreinterpretq_f16_u16(halves);
        const float32x4_t first = vcvt_f32_f16(vget_low_f16(weight));
        const float32x4_t second = vcvt_high_f32_f16(weight);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const float *at = x + static_cast<size_t>(b) * x_stride;
            sum[b][chain][0] = vfmaq_f32(sum[b][chain][0], first, vld1q_f32(at));
            sum[b][chain][1] = vfmaq_f32(sum[b][chain][1], second, vld1q_f32(at + 4));
        }
    }

    WordTable<bits> table;
    float32x4_t sum[batch][2][2];  // of two chains of dependent additions, halves of 8 columns
};

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_neon_exact =
    densq::make_kernels<densq::ExactRow>(densq::prepare_in_order);
