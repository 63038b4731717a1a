// SPDX-License-Identifier: MIT
// neon_word_products.hpp - products of 16-bit integers, 8 with two smlal.
#pragma once
#include "neon_fields.hpp"

namespace densq {
namespace {

template <int bits, int batch>
class WordProducts {
public:
    DENSQ_INLINE void set_lut(const int16_t *lut) { table.set(lut); }

    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int i = 0; i < 4; ++i) sum[b][i] = vdupq_n_s32(0);
        }
    }

    // The pairs of a span of a whole group, from the first.
    template <int pair>
    DENSQ_INLINE void add_pairs(const uint8_t *group, int quarter, const int16_t *x) {
        const uint16x8x2_t weights = table.template look_up_pair<pair>(group, quarter);
        const int16_t *at = x + 8 * quarter;
        add_products(weights.val[0], 0, at + DENSQ_UNIT_COLS * kLowField<bits, pair>,
                     DENSQ_BLOCK_COLS);
        add_products(weights.val[1], 1, at + DENSQ_UNIT_COLS * kHighField<bits, pair>,
                     DENSQ_BLOCK_COLS);
        if constexpr ((pair + 1) % (kPairs / 2) != 0) add_pairs<pair + 1>(group, quarter, x);
    }

    template <int field>
    DENSQ_INLINE void add_field(const uint8_t *group, const int16_t *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int quarter = 0; quarter < kQuarters; ++quarter)
            add_products(table.template look_up_field<field>(group, quarter), quarter % 2,
                         x + 8 * quarter, x_stride);
    }

    // Of the columns in lanes 0, 1, 4 and 5 of all quarters; of those in the others.
    DENSQ_INLINE int64x2_t sums(int b) const {
        int64x2_t both = vpaddlq_s32(sum[b][0]);
        DENSQ_UNROLL
        for (int i = 1; i < 4; ++i) both = vpadalq_s32(both, sum[b][i]);
        return both;
    }

    // Columns stay in their order.
    static void arrange_block(int16_t *) {}

private:
    // 8 columns.
    DENSQ_INLINE void add_products(uint16x8_t words, int which, const int16_t *x, size_t x_stride) {
        const int16x8_t weight = vreinterpretq_s16_u16(words);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const int16x8_t values = vld1q_s16(x + static_cast<size_t>(b) * x_stride);
            int32x4_t *to = sum[b] + 2 * which;
            to[0] = vmlal_s16(to[0], vget_low_s16(weight), vget_low_s16(values));
            to[1] = vmlal_high_s16(to[1], weight, values);
        }
    }

    WordTable<bits> table;
    int32x4_t sum[batch][4];  // so many that none takes more than 16 products of a span
};

}  // namespace
}  // namespace densq
