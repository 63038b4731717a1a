// SPDX-License-Identifier: MIT
// neon_int8.hpp - the int8 precision: 16 bytes of a pair of fields are looked up and multiplied at
// a time.
#pragma once
#include <string.h>

#include "neon_fields.hpp"
#include "neon_lanes16.hpp"

namespace densq {
namespace {

// Products::add<count>(sum, weights, x): sum + the products of `count` registers of bytes, four
// bytes to a 32-bit lane; those of x are 64 bytes apart.
template <int bits, int batch, class Products>
class Int8Row : public Int8Tables<Lanes4x4, bits> {
    using Vector = Lanes4x4::Vector;

public:
    static constexpr int kMaxBatch = 4, kRows = 1;
    using Block = const int8_t *;
    using Group = const uint8_t *;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        load(&lut, Int8Row::lut_of(matrix, row));
        clear();
    }

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale, Vector (*sums)[batch]) {
        ByteTable<bits> lut;
        load(&lut, Int8Row::lut_of(matrix, row));
        DENSQ_ROLLED
        for (int quarter = 0; quarter < kQuarters; ++quarter) {
            int32x4_t sum[batch];
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) sum[b] = vdupq_n_s32(0);
            add_pairs<0>(lut, codes, quarter, x + kQuarterBytes * quarter, sum);
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) add_lanes(&(*sums)[b], quarter, sum[b], scale, b);
        }
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t) { return codes; }

    template <int field>
    DENSQ_INLINE void add_field(Group group, const int8_t *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int quarter = 0; quarter < kQuarters; ++quarter) {
            const int8x8_t weight = look_up_field<field>(group, quarter);
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                const int8_t *at = x + static_cast<size_t>(b) * x_stride + 8 * quarter;
                sum[b][quarter] = vpadalq_s16(sum[b][quarter], vmull_s8(weight, vld1_s8(at)));
            }
        }
    }

    DENSQ_INLINE void flush(const float *scale, Vector *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int quarter = 0; quarter < kQuarters; ++quarter)
                add_lanes(&sums[b], quarter, sum[b][quarter], scale, b);
        }
        clear();
    }

private:
    // Pairs whose products are added in one step.
    static constexpr int kStep = int8_products(bits) / 2;

    static DENSQ_INLINE void load(ByteTable<bits> *table, const uint8_t *lut) {
        uint8_t repeated[16];
        for (int i = 0; i < 16; i += 1 << bits) memcpy(repeated + i, lut, 1 << bits);
        table->set(vld1q_u8(repeated));
    }

    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int quarter = 0; quarter < kQuarters; ++quarter) sum[b][quarter] = vdupq_n_s32(0);
        }
    }

    static DENSQ_INLINE void add_lanes(Vector *to, int quarter, int32x4_t sum, const float *scale,
                                       int b) {
        const float *at = scale + static_cast<uint32_t>(b) * kBlockLanes + 4 * quarter;
        to->part[quarter] = vfmaq_f32(to->part[quarter], vcvtq_f32_s32(sum), vld1q_f32(at));
    }

    template <int pair>
    static DENSQ_INLINE void add_pairs(const ByteTable<bits> &lut, const uint8_t *codes,
                                       int quarter, const int8_t *x, int32x4_t *sum) {
        int8x16_t weights[kStep];
        look_up<pair, 0>(lut, codes, quarter, weights);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            sum[b] = Products::template add<kStep>(
                sum[b], weights,
                x + DENSQ_BLOCK_COLS * static_cast<size_t>(b) + DENSQ_LINE_BYTES * pair);
        if constexpr (pair + kStep < kPairs) add_pairs<pair + kStep>(lut, codes, quarter, x, sum);
    }

    template <int pair, int i>
    static DENSQ_INLINE void look_up(const ByteTable<bits> &lut, const uint8_t *codes, int quarter,
                                     int8x16_t *weights) {
        weights[i] = vreinterpretq_s8_u8(
            lut.template look_up<pair + i>(pair_index<bits, pair + i>(codes, quarter)));
        if constexpr (i + 1 < kStep) look_up<pair, i + 1>(lut, codes, quarter, weights);
    }

    // The entries of one field, 8 columns.
    template <int field, int pair = 0>
    DENSQ_INLINE int8x8_t look_up_field(const uint8_t *codes, int quarter) const {
        if constexpr (field == kLowField<bits, pair> || field == kHighField<bits, pair>) {
            const uint8x16_t both =
                lut.template look_up<pair>(pair_index<bits, pair>(codes, quarter));
            const uint16x8_t slots = vreinterpretq_u16_u8(both);
            return vreinterpret_s8_u8(field == kLowField<bits, pair> ? vmovn_u16(slots)
                                                                     : vshrn_n_u16(slots, 8));
        } else {
            return look_up_field<field, pair + 1>(codes, quarter);
        }
    }

    ByteTable<bits> lut;
    int32x4_t sum[batch][kQuarters];
};

}  // namespace
}  // namespace densq
