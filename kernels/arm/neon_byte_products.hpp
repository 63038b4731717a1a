// SPDX-License-Identifier: MIT
// neon_byte_products.hpp - products of 16-bit integers by their bytes, 16 of a kind with one sdot.
//
// A number is 256 high + low with both bytes signed.  Bytes are multiplied as they are looked up,
// without being joined to words, and four products are added at once, so that the four kinds of
// products cost no more instructions than products of words.
#pragma once
#include <string.h>

#include "neon_fields.hpp"

namespace densq {
namespace {

static DENSQ_INLINE int16x8_t round_high_byte(int16x8_t words) {
    return vaddq_s16(words, vdupq_n_s16(128));
}

template <int bits, int batch>
class ByteProducts {
public:
    DENSQ_INLINE void set_lut(const int16_t *lut) {
        uint16x8x2_t entries = load_entries<bits>(lut);
        low.set(low_bytes(entries));
        for (uint16x8_t &words : entries.val)
            words = vreinterpretq_u16_s16(round_high_byte(vreinterpretq_s16_u16(words)));
        high.set(high_bytes(entries));
    }

    DENSQ_INLINE void clear() {
        const int32x4_t zero = vdupq_n_s32(0);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) sum[b] = {zero, zero, zero, zero};
    }

    // The pairs of a span of a whole group, from the first.
    template <int pair>
    DENSQ_INLINE void add_pairs(const uint8_t *group, int quarter, const int16_t *x) {
        const uint8x16_t index = pair_index<bits, pair>(group, quarter);
        const int8x16_t h = vreinterpretq_s8_u8(high.template look_up<pair>(index));
        const int8x16_t l = vreinterpretq_s8_u8(low.template look_up<pair>(index));
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const auto *at = reinterpret_cast<const int8_t *>(
                x + DENSQ_BLOCK_COLS * static_cast<size_t>(b) + 64 * pair + 16 * quarter);
            const int8x16_t x_high = vld1q_s8(at), x_low = vld1q_s8(at + 16);
            sum[b].high_high = vdotq_s32(sum[b].high_high, h, x_high);
            sum[b].high_low = vdotq_s32(sum[b].high_low, h, x_low);
            sum[b].low_high = vdotq_s32(sum[b].low_high, l, x_high);
            sum[b].low_low = vdotq_s32(sum[b].low_low, l, x_low);
        }
        if constexpr ((pair + 1) % (kPairs / 2) != 0) add_pairs<pair + 1>(group, quarter, x);
    }

    // Of the columns in lanes 0, 1, 4 and 5 of all quarters; of those in the others.
    DENSQ_INLINE int64x2_t sums(int b) const {
        const int32x4_t low_low = sum[b].low_low;
        const int32x4_t higher = vaddq_s32(vshlq_n_s32(sum[b].high_high, 8),
                                           vaddq_s32(sum[b].high_low, sum[b].low_high));
        const int64x2_t both = vaddw_high_s32(vmovl_s32(vget_low_s32(low_low)), low_low);
        return vmlal_high_n_s32(vmlal_n_s32(both, vget_low_s32(higher), 256), higher, 256);
    }

    // Cuts a block of 512 into the bytes that add_pairs multiplies.
    static void arrange_block(int16_t *block) {
        int16_t in[DENSQ_BLOCK_COLS];
        memcpy(in, block, sizeof in);
        arrange_pairs<0>(in, block);
    }

private:
    template <int pair>
    static DENSQ_INLINE void arrange_pairs(const int16_t *in, int16_t *out) {
        const int16_t *low_field = in + DENSQ_UNIT_COLS * kLowField<bits, pair>;
        const int16_t *high_field = in + DENSQ_UNIT_COLS * kHighField<bits, pair>;
        for (int quarter = 0; quarter < kQuarters; ++quarter) {
            const int16x8_t a = vld1q_s16(low_field + 8 * quarter);
            const int16x8_t b = vld1q_s16(high_field + 8 * quarter);
            auto *to = reinterpret_cast<int8_t *>(out + 64 * pair + 16 * quarter);
            vst1q_s8(to, vtrn2q_s8(vreinterpretq_s8_s16(round_high_byte(a)),
                                   vreinterpretq_s8_s16(round_high_byte(b))));
            vst1q_s8(to + 16, vtrn1q_s8(vreinterpretq_s8_s16(a), vreinterpretq_s8_s16(b)));
        }
        if constexpr (pair + 1 < kPairs) arrange_pairs<pair + 1>(in, out);
    }

    // By the bytes of weight and activation.
    struct Sums {
        int32x4_t high_high, high_low, low_high, low_low;
    };

    ByteTable<bits> low, high;
    Sums sum[batch];
};

}  // namespace
}  // namespace densq
