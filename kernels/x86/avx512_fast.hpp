// SPDX-License-Identifier: MIT
// avx512_fast.hpp - the fast precision: 32 lookups with vpermw, 32 products with vpdpwssd or what
// stands for it.
#pragma once
#include <string.h>

#include "kernels/prepare_activations.hpp"

#include "avx512_fields.hpp"
#include "avx512_lanes.hpp"

namespace densq {
namespace {

// PairProducts::add(sum, a, b) is sum + a . b over pairs of int16, in int32, by one instruction or
// two.
template <int bits, int batch, class PairProducts>
class FastRow : public FastTables<Lanes16, bits> {
public:
    static constexpr int kMaxBatch = 8;
    using Group = densq::Group<bits>;

    // A block's activations: of one vector in registers, as all rows of a tile use them.
    struct Block {
        DENSQ_INLINE explicit Block(const int16_t *from) : x(from) {
            if constexpr (batch == 1) {
                DENSQ_UNROLL
                for (uint32_t f = 0; f < kUnits; ++f)
                    unit[f] = _mm512_loadu_si512(x + DENSQ_UNIT_COLS * f);
            }
        }

        template <int field>
        DENSQ_INLINE __m512i values(int b) const {
            if constexpr (batch == 1) return unit[field];
            return _mm512_loadu_si512(x + DENSQ_UNIT_COLS * field +
                                      DENSQ_BLOCK_COLS * static_cast<size_t>(b));
        }

        static constexpr uint32_t kUnits = batch == 1 ? DENSQ_GROUP_UNITS : 1;
        const int16_t *x;
        __m512i unit[kUnits];
    };

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        const int16_t *entries = FastRow::lut_of(matrix, row);
        if constexpr (bits == 4)
            lut = _mm512_broadcast_i64x4(
                _mm256_loadu_si256(reinterpret_cast<const __m256i *>(entries)));
        else if constexpr (bits == 3)
            lut =
                _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(entries)));
        else
            lut = _mm512_broadcastq_epi64(_mm_loadu_si64(entries));
        clear();
    }

    // Two rows share the loads of the activations, where these are not in registers anyway.
    static constexpr int kRows = batch == 1 ? 1 : 2;

    template <int rows>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        const Block &block, const float *scale,
                                        __m512 (*sums)[batch]) {
        FastRow dense[rows];
        Group group[rows];
        DENSQ_UNROLL
        for (uint32_t r = 0; r < rows; ++r) {
            dense[r].begin_row(matrix, row + r);
            group[r] = densq::load_group<bits>(codes + DENSQ_LINE_BYTES * bits * r);
        }
        add_fields<0, rows>(dense, group, block);
        DENSQ_UNROLL
        for (int r = 0; r < rows; ++r) dense[r].flush(scale, sums[r]);
        add_fields<kSpanUnits, rows>(dense, group, block);
        DENSQ_UNROLL
        for (int r = 0; r < rows; ++r) dense[r].flush(scale + batch, sums[r]);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t lines) {
        return load_group_lines<bits>(codes, lines);
    }

    template <int field>
    DENSQ_INLINE void add_field(const Group &group, const int16_t *x, size_t x_stride) {
        const __m512i weight = _mm512_permutexvar_epi16(field_index<bits, field>(group), lut);
        constexpr int chain = field % kChains;
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            sum[b][chain] = PairProducts::add(
                sum[b][chain], weight, _mm512_loadu_si512(x + static_cast<size_t>(b) * x_stride));
    }

    DENSQ_INLINE void flush(const float *scale, __m512 *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            __m512i total = sum[b][0];
            DENSQ_UNROLL
            for (int chain = 1; chain < kChains; ++chain)
                total = _mm512_add_epi32(total, sum[b][chain]);
            sums[b] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(total), _mm512_set1_ps(scale[b]), sums[b]);
        }
        clear();
    }

private:
    // Independent running sums per vector: vpdpwssd takes five cycles, two start in each.
    static constexpr int kChains = batch >= 4 ? 1 : 2;

    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            DENSQ_UNROLL
            for (int chain = 0; chain < kChains; ++chain) sum[b][chain] = _mm512_setzero_si512();
        }
    }

    // The fields of a span, from the first.
    template <int field, int rows>
    static DENSQ_INLINE void add_fields(FastRow *dense, const Group *group, const Block &block) {
        constexpr int chain = field % kChains;
        __m512i weight[rows];
        DENSQ_UNROLL
        for (int r = 0; r < rows; ++r)
            weight[r] = _mm512_permutexvar_epi16(field_index<bits, field>(group[r]), dense[r].lut);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const __m512i x = block.template values<field>(b);
            DENSQ_UNROLL
            for (int r = 0; r < rows; ++r)
                dense[r].sum[b][chain] = PairProducts::add(dense[r].sum[b][chain], weight[r], x);
        }
        if constexpr (field % kSpanUnits + 1 < kSpanUnits)
            add_fields<field + 1, rows>(dense, group, block);
    }

    __m512i lut;
    __m512i sum[batch][kChains];
};

// Quantizes `cols` (1..kSpanCols) activations into whole units of 32; returns the scale.
float quantize_span(const float *x, uint32_t cols, int16_t *out) {
    const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
    __m512i largest_bits = _mm512_setzero_si512();  // as integers, NaN is the largest of all
    const uint32_t padded = (cols + 31) / 32 * 32;
    for (uint32_t c = 0; c < cols; c += 16) {
        const __m512i v = _mm512_maskz_loadu_epi32(mask_first(cols - c), x + c);
        largest_bits = _mm512_max_epu32(largest_bits, _mm512_and_epi32(v, magnitude));
    }
    const uint32_t bits = _mm512_reduce_max_epu32(largest_bits);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    const bool finite = bits < 0x7F800000u;
    if (largest < kScaleFloor) largest = kScaleFloor;
    const __m512 inverse = _mm512_set1_ps(finite ? kFastMaxActivation / largest : 0.0f);
    for (uint32_t c = 0; c < padded; c += 16) {
        const __m512 v = _mm512_maskz_loadu_ps(mask_first(c < cols ? cols - c : 0), x + c);
        const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(v, inverse));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + c), _mm512_cvtsepi32_epi16(q));
    }
    return finite ? largest / kFastMaxActivation : largest - largest;  // infinity - infinity is NaN
}

void prepare_fast(const Activations *activations, uint32_t cols, uint32_t) {
    prepare_spans(activations, cols, quantize_span, [](int16_t *) {});
}

}  // namespace
}  // namespace densq
