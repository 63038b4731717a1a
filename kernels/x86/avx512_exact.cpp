// SPDX-License-Identifier: MIT
// avx512_exact.cpp - the exact precision: 16 lookups with vpermps, 16 fused multiply-adds.
//
// A 16-bit lane yields the code of an even column in the low half of a 32-bit lane and of an odd
// column in the high half, so a unit's 32 activations are prepared as 16 even, then 16 odd ones.
#include "kernels/prepare_activations.hpp"

#include "avx512_fields.hpp"
#include "avx512_lanes.hpp"

namespace densq {
namespace {

template <int bits, int batch>
class ExactRow : public ExactTables<Lanes16, bits> {
public:
    static constexpr int kMaxBatch = 8;
    using Group = densq::Group<bits>;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        const uint16_t *entries = ExactRow::lut_of(matrix, row);
        if constexpr (bits == 4)
            lut = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(entries)));
        else if constexpr (bits == 3)
            lut = _mm512_broadcast_f32x8(
                _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(entries))));
        else
            lut = _mm512_broadcast_f32x4(_mm_cvtph_ps(_mm_loadu_si64(entries)));
        clear();
    }

    using Block = const float *;
    static constexpr int kRows = 1;

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale, __m512 (*sums)[batch]) {
        ExactRow dense;
        dense.begin_row(matrix, row);
        dense.template add_fields<0>(densq::load_group<bits>(codes), x);
        dense.flush(scale, *sums);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t lines) {
        return load_group_lines<bits>(codes, lines);
    }

    template <int field>
    DENSQ_INLINE void add_field(const Group &group, const float *x, size_t x_stride) {
        const __m512i index = field_index<bits, field>(group);
        const __m512 weight_even = _mm512_permutexvar_ps(index, lut);
        const __m512 weight_odd = _mm512_permutexvar_ps(_mm512_srli_epi32(index, 16), lut);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const float *at = x + static_cast<size_t>(b) * x_stride;
            even[b] = _mm512_fmadd_ps(weight_even, _mm512_loadu_ps(at), even[b]);
            odd[b] = _mm512_fmadd_ps(weight_odd, _mm512_loadu_ps(at + 16), odd[b]);
        }
    }

    DENSQ_INLINE void flush(const float *, __m512 *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            sums[b] = _mm512_add_ps(sums[b], _mm512_add_ps(even[b], odd[b]));
        clear();
    }

private:
    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) even[b] = odd[b] = _mm512_setzero_ps();
    }

    template <int field>
    DENSQ_INLINE void add_fields(const Group &group, const float *x) {
        add_field<field>(group, x + DENSQ_UNIT_COLS * field, DENSQ_BLOCK_COLS);
        if constexpr (field + 1 < static_cast<int>(DENSQ_GROUP_UNITS))
            add_fields<field + 1>(group, x);
    }

    __m512 lut;
    __m512 even[batch], odd[batch];
};

void prepare_exact(const Activations *activations, uint32_t cols, uint32_t) {
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for_each_block<float>(
        activations, cols, [=](const float *x, uint32_t count, float *out, uint32_t, uint32_t) {
            for (uint32_t at = 0; at < count; at += 32, out += 32) {
                const uint32_t left = count - at;
                const __m512 low = _mm512_maskz_loadu_ps(mask_first(left), x + at);
                const __m512 high =
                    _mm512_maskz_loadu_ps(mask_first(left < 16 ? 0 : left - 16), x + at + 16);
                _mm512_storeu_ps(out, _mm512_permutex2var_ps(low, even, high));
                _mm512_storeu_ps(out + 16, _mm512_permutex2var_ps(low, odd, high));
            }
        });
}

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_avx512_exact =
    densq::make_kernels<densq::ExactRow>(densq::prepare_exact);
