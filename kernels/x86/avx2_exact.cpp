// SPDX-License-Identifier: MIT
// avx2_exact.cpp - the exact precision: 8 lookups with vpermps (two and a blend for 16 entries), 8
// fused multiply-adds.
//
// A 16-bit lane yields the code of an even column in the low half of a 32-bit lane and of an odd
// column in the high half, so 16 activations are prepared as 8 even, then 8 odd ones.
#include "kernels/prepare_activations.hpp"

#include "avx2_fields.hpp"
#include "avx2_lanes.hpp"

namespace densq {
namespace {

template <int bits, int batch>
class ExactRow : public ExactTables<Lanes8, bits> {
public:
    static constexpr int kMaxBatch = 4;
    using Group = densq::Group<bits>;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        const uint16_t *entries = ExactRow::lut_of(matrix, row);
        if constexpr (bits == 2) {
            const __m128 four = _mm_cvtph_ps(_mm_loadu_si64(entries));
            lut[0] = _mm256_set_m128(four, four);
        } else {
            DENSQ_UNROLL
            for (int i = 0; i < kTables; ++i)
                lut[i] = _mm256_cvtph_ps(
                    _mm_loadu_si128(reinterpret_cast<const __m128i *>(entries + 8 * i)));
        }
        clear();
    }

    using Block = const float *;
    static constexpr int kRows = 1;

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale, __m256 (*sums)[batch]) {
        ExactRow dense;
        dense.begin_row(matrix, row);
        dense.template add_pairs<0>(load_group(codes, bits), x);
        dense.flush(scale, *sums);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t lines) {
        return densq::load_group<bits>(codes, lines);
    }

    template <int field>
    DENSQ_INLINE void add_field(const Group &group, const float *x, size_t x_stride) {
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) add_half(field_codes<bits, field>(group, h), h, x, x_stride);
    }

    DENSQ_INLINE void flush(const float *, __m256 *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            sums[b] = _mm256_add_ps(sums[b], _mm256_add_ps(_mm256_add_ps(even[b][0], odd[b][0]),
                                                           _mm256_add_ps(even[b][1], odd[b][1])));
        clear();
    }

private:
    static constexpr int kTables = bits == 4 ? 2 : 1;

    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int h = 0; h < 2; ++h) even[b][h] = odd[b][h] = _mm256_setzero_ps();
        }
    }

    template <int pair>
    DENSQ_INLINE void add_pairs(const Group &group, const float *x) {
        DENSQ_UNROLL
        for (int h = 0; h < 2; ++h) {
            const __m256i codes = pair_codes<bits, pair>(group, h);
            add_half(low_field(codes), h, x + DENSQ_UNIT_COLS * kLowField<bits, pair>,
                     DENSQ_BLOCK_COLS);
            add_half(high_field(codes), h, x + DENSQ_UNIT_COLS * kHighField<bits, pair>,
                     DENSQ_BLOCK_COLS);
        }
        if constexpr (pair + 1 < kPairs) add_pairs<pair + 1>(group, x);
    }

    // Half h of a unit of 32 columns.
    DENSQ_INLINE void add_half(__m256i codes, int h, const float *x, size_t x_stride) {
        const __m256 weight_even = look_up(codes);
        const __m256 weight_odd = look_up(_mm256_srli_epi32(codes, 16));
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const float *at = x + static_cast<size_t>(b) * x_stride + 16 * h;
            even[b][h] = _mm256_fmadd_ps(weight_even, _mm256_loadu_ps(at), even[b][h]);
            odd[b][h] = _mm256_fmadd_ps(weight_odd, _mm256_loadu_ps(at + 8), odd[b][h]);
        }
    }

    // Entries for the low bits of the 32-bit lanes of `codes`.
    DENSQ_INLINE __m256 look_up(__m256i codes) const {
        const __m256 low = _mm256_permutevar8x32_ps(lut[0], codes);
        if constexpr (bits < 4) return low;
        const __m256 high = _mm256_permutevar8x32_ps(lut[kTables - 1], codes);
        const __m256 bit_3 = _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28));
        return _mm256_blendv_ps(low, high, bit_3);
    }

    __m256 lut[kTables];
    __m256 even[batch][2], odd[batch][2];  // of each half
};

void prepare_exact(const Activations *activations, uint32_t cols, uint32_t) {
    for_each_block<float>(activations, cols,
                          [](const float *x, uint32_t count, float *out, uint32_t, uint32_t) {
                              const auto padded = static_cast<uint32_t>(prepared_cols(count));
                              for (uint32_t at = 0; at < padded; at += 16, out += 16)
                                  for (uint32_t i = 0; i < 16; ++i)
                                      out[i / 2 + 8 * (i % 2)] = at + i < count ? x[at + i] : 0.0f;
                          });
}

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_avx2_exact =
    densq::make_kernels<densq::ExactRow>(densq::prepare_exact);
