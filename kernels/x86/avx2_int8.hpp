// SPDX-License-Identifier: MIT
// avx2_int8.hpp - the int8 precision: vpshufb looks up a byte for both fields of a pair, and bytes
// are multiplied as they are looked up.
//
// A line is two halves of 32 bytes.  prepare_int8 puts the activations of a block into the order of
// these bytes, pair after pair; those of tails, where each field may belong to another row, keep
// the order of columns.
#pragma once
#include "avx2_fields.hpp"
#include "avx2_lanes16.hpp"

namespace densq {
namespace {

// A row's LUT, repeated to 16 bytes.  The indices of some pairs have a second form: at 2 bits the
// high half of a nibble that has the codes of two pairs, at 3 bits a code whose upper bit is bit 3.
template <int bits>
struct ByteLut {
    __m256i entries[bits == 4 ? 1 : 2];

    DENSQ_INLINE void load(const uint8_t *lut) {
        if constexpr (bits == 4) {
            entries[0] = _mm256_broadcastsi128_si256(
                _mm_loadu_si128(reinterpret_cast<const __m128i *>(lut)));
        } else if constexpr (bits == 3) {
            const __m128i upper_is_bit_3 =
                _mm_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7);
            set(_mm256_broadcastq_epi64(_mm_loadu_si64(lut)), upper_is_bit_3);
        } else {
            const __m128i upper_half =
                _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            int32_t four;
            memcpy(&four, lut, sizeof four);
            set(_mm256_set1_epi32(four), upper_half);
        }
    }

    template <int pair>
    DENSQ_INLINE __m256i look_up(const Group<bits> &group, int h) const {
        constexpr densq_field_place place = kPairPlace<bits, pair>;
        if constexpr (bits == 4)
            return _mm256_shuffle_epi8(entries[0], pair_codes<bits, pair>(group, h));
        else if constexpr (bits == 2)
            return _mm256_shuffle_epi8(entries[place.low_shift & 2 ? 1 : 0],
                                       nibbles < place.low_line, place.low_shift & 4 > (group, h));
        else if constexpr (place.high_bits == 0)
            return _mm256_shuffle_epi8(entries[0], pair_codes<bits, pair>(group, h));
        else
            return _mm256_shuffle_epi8(entries[place.high_shift - 6],
                                       both_upper_bits<place.low_line, place.high_line>(group, h));
    }

private:
    DENSQ_INLINE void set(__m256i repeated, __m128i second_form) {
        entries[0] = repeated;
        entries[1] = _mm256_shuffle_epi8(repeated, _mm256_broadcastsi128_si256(second_form));
    }

    template <int line, int shift>
    static DENSQ_INLINE __m256i nibbles(const Group<bits> &group, int h) {
        return _mm256_and_si256(_mm256_srli_epi16(group.half[2 * line + h], shift),
                                _mm256_set1_epi8(0x0F));
    }

    // Bits 6 and 7 of one line's bytes, and above them bits 6 and 7 of another's, of which the
    // entries tell one apart.
    template <int line, int upper_line>
    static DENSQ_INLINE __m256i both_upper_bits(const Group<bits> &group, int h) {
        const __m256i lower = _mm256_and_si256(_mm256_srli_epi16(group.half[2 * line + h], 6),
                                               _mm256_set1_epi8(0x03));
        const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(group.half[2 * upper_line + h], 4),
                                               _mm256_set1_epi8(0x0C));
        return _mm256_or_si256(lower, upper);
    }
};

// Products::add<count>(sum, weights, x): sum + the products of `count` registers of unsigned and
// signed bytes, four bytes to a 32-bit lane; Products::kMaxBatch.
template <int bits, int batch, class Products>
class Int8Row : public Int8Tables<Lanes2x8, bits> {
    using Vector = Lanes2x8::Vector;

public:
    static constexpr int kMaxBatch = 8, kRows = 1;
    using Block = const int8_t *;
    using Group = densq::Group<bits>;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        lut.load(Int8Row::lut_of(matrix, row));
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) sum[b][0] = sum[b][1] = _mm256_setzero_si256();
    }

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale, Vector (*sums)[batch]) {
        ByteLut<bits> lut;
        lut.load(Int8Row::lut_of(matrix, row));
        const Group group = load_group(codes, bits);
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) {
            __m256i sum[batch];
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) sum[b] = _mm256_setzero_si256();
            add_pairs<0>(lut, group, h, x + 32 * h, sum);
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) add_lanes(&(*sums)[b], h, sum[b], scale, b);
        }
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t lines) {
        return densq::load_group<bits>(codes, lines);
    }

    template <int field>
    DENSQ_INLINE void add_field(const Group &group, const int8_t *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) {
            // bit 7 makes vpshufb write a zero into the high bytes
            const __m256i codes =
                _mm256_or_si256(field_codes<bits, field>(group, h), _mm256_set1_epi16(-0x8000));
            const __m256i weight = _mm256_shuffle_epi8(lut.entries[0], codes);
            DENSQ_UNROLL
            for (int b = 0; b < batch; ++b) {
                const int8_t *at = x + static_cast<size_t>(b) * x_stride + 16 * h;
                const __m256i values =
                    _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(at)));
                sum[b][h] = _mm256_add_epi32(sum[b][h], _mm256_madd_epi16(weight, values));
            }
        }
    }

    DENSQ_INLINE void flush(const float *scale, Vector *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int h = 0; h < 2; ++h) {
                add_lanes(&sums[b], h, sum[b][h], scale, b);
                sum[b][h] = _mm256_setzero_si256();
            }
        }
    }

private:
    // Pairs whose products are added in one step.
    static constexpr int kStep = int8_products(bits) / 2;

    static DENSQ_INLINE void add_lanes(Vector *to, int h, __m256i sum, const float *scale, int b) {
        const float *at = scale + static_cast<uint32_t>(b) * kBlockLanes + 8 * h;
        to->half[h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(at), to->half[h]);
    }

    template <int pair>
    static DENSQ_INLINE void add_pairs(const ByteLut<bits> &lut, const Group &group, int h,
                                       const int8_t *x, __m256i *sum) {
        __m256i weights[kStep];
        look_up<pair, 0>(lut, group, h, weights);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            sum[b] = Products::template add<kStep>(
                sum[b], weights, x + DENSQ_BLOCK_COLS * static_cast<size_t>(b) + 64 * pair);
        if constexpr (pair + kStep < kPairs) add_pairs<pair + kStep>(lut, group, h, x, sum);
    }

    template <int pair, int i>
    static DENSQ_INLINE void look_up(const ByteLut<bits> &lut, const Group &group, int h,
                                     __m256i *weights) {
        weights[i] = lut.template look_up<pair + i>(group, h);
        if constexpr (i + 1 < kStep) look_up<pair, i + 1>(lut, group, h, weights);
    }

    ByteLut<bits> lut;
    __m256i sum[batch][2];  // of each half
};

static DENSQ_INLINE __m256i load_bytes(const int8_t *at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
}

// Without VNNI: products in 16 bits, which do not overflow (int8_products), then in 32 bits.
struct WordSums {
    template <int count>
    static DENSQ_INLINE __m256i add(__m256i sum, const __m256i *weights, const int8_t *x) {
        __m256i words = _mm256_maddubs_epi16(weights[0], load_bytes(x));
        DENSQ_UNROLL
        for (int i = 1; i < count; ++i)
            words =
                _mm256_add_epi16(words, _mm256_maddubs_epi16(weights[i], load_bytes(x + 64 * i)));
        return _mm256_add_epi32(sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
    }
};

}  // namespace
}  // namespace densq
