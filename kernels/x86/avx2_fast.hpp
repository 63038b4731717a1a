// SPDX-License-Identifier: MIT
// avx2_fast.hpp - the fast precision: vpshufb looks up low and high bytes of the int16 LUT entries,
// unpacking joins them to words, vpmaddwd or vpdpwssd multiplies.
//
// The words that come out of it alternate between the two fields of a pair, and prepare_fast
// (avx2_fast_prepare.hpp) puts the activations of a block into the same order.  In tails, where
// each field may belong to another row, columns keep their order.
#pragma once
#include "kernels/prepare_activations.hpp"

#include "avx2_fields.hpp"
#include "avx2_lanes.hpp"

namespace densq {
namespace {

// PairProducts::add(sum, a, b) is sum + a . b over pairs of int16, in int32, by one instruction or
// two.
template <int bits, int batch, class PairProducts>
class FastRow : public FastTables<Lanes8, bits> {
public:
    static constexpr int kMaxBatch = 4;
    using Group = densq::Group<bits>;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        const int16_t *entries = FastRow::lut_of(matrix, row);
        __m128i first, second = _mm_setzero_si128();
        if constexpr (bits == 2)
            first = _mm_loadu_si64(entries);
        else
            first = _mm_loadu_si128(reinterpret_cast<const __m128i *>(entries));
        if constexpr (bits == 4)
            second = _mm_loadu_si128(reinterpret_cast<const __m128i *>(entries + 8));
        const __m128i low = _mm_set1_epi16(0xFF);
        lut_low = _mm256_broadcastsi128_si256(
            _mm_packus_epi16(_mm_and_si128(first, low), _mm_and_si128(second, low)));
        lut_high = _mm256_broadcastsi128_si256(
            _mm_packus_epi16(_mm_srli_epi16(first, 8), _mm_srli_epi16(second, 8)));
        clear();
    }

    using Block = const int16_t *;
    static constexpr int kRows = 1;

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale, __m256 (*sums)[batch]) {
        FastRow dense;
        dense.begin_row(matrix, row);
        const Group group = load_group(codes, bits);
        dense.template add_pairs<0>(group, x);
        dense.flush(scale, *sums);
        dense.template add_pairs<kPairs / 2>(group, x);
        dense.flush(scale + batch, *sums);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t lines) {
        return densq::load_group<bits>(codes, lines);
    }

    template <int field>
    DENSQ_INLINE void add_field(const Group &group, const int16_t *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) {
            // bit 7 makes vpshufb write a zero into the high bytes
            const __m256i codes =
                _mm256_or_si256(field_codes<bits, field>(group, h), _mm256_set1_epi16(-0x8000));
            const __m256i high = _mm256_slli_epi16(_mm256_shuffle_epi8(lut_high, codes), 8);
            add_products(_mm256_or_si256(_mm256_shuffle_epi8(lut_low, codes), high), h, x + 16 * h,
                         x_stride);
        }
    }

    DENSQ_INLINE void flush(const float *scale, __m256 *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const __m256 both =
                _mm256_add_ps(_mm256_cvtepi32_ps(sum[b][0]), _mm256_cvtepi32_ps(sum[b][1]));
            sums[b] = _mm256_fmadd_ps(both, _mm256_set1_ps(scale[b]), sums[b]);
        }
        clear();
    }

private:
    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) sum[b][0] = sum[b][1] = _mm256_setzero_si256();
    }

    // The pairs of fields of a span, from the first.
    template <int pair>
    DENSQ_INLINE void add_pairs(const Group &group, const int16_t *x) {
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) {
            const __m256i codes = pair_codes<bits, pair>(group, h);
            const __m256i low = _mm256_shuffle_epi8(lut_low, codes);
            const __m256i high = _mm256_shuffle_epi8(lut_high, codes);
            const int16_t *at = x + 64 * pair + 32 * h;
            add_products(_mm256_unpacklo_epi8(low, high), 0, at, DENSQ_BLOCK_COLS);
            add_products(_mm256_unpackhi_epi8(low, high), 1, at + 16, DENSQ_BLOCK_COLS);
        }
        if constexpr ((pair + 1) % (kPairs / 2) != 0) add_pairs<pair + 1>(group, x);
    }

    DENSQ_INLINE void add_products(__m256i weight, int which, const int16_t *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const int16_t *at = x + static_cast<size_t>(b) * x_stride;
            const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
            sum[b][which] = PairProducts::add(sum[b][which], weight, values);
        }
    }

    __m256i lut_low, lut_high;
    __m256i sum[batch][2];  // two, so that neither takes more than 16 products before a flush
};

}  // namespace
}  // namespace densq
