// SPDX-License-Identifier: MIT
// avx512_int8.hpp - the int8 precision: a whole line of a pair of fields is looked up and
// multiplied at a time.  Activations are prepared as for AVX2.
#pragma once
#include "avx2_int8_prepare.hpp"
#include "avx512_fields.hpp"
#include "avx512_lanes.hpp"

namespace densq {
namespace {

// Lut<bits>: a row's LUT in registers.
//   load(lut)                   its 2^bits bytes
//   look_up<pair>(group)        the entries of both fields of a pair
//   look_up_field<field>(group) those of one field in the low bytes of its slots, zeros in the high
// Products::add<count>(sum, weights, values): sum + the products of `count` registers of unsigned
// and signed bytes, four bytes to a 32-bit lane.
template <int bits, int batch, template <int> class Lut, class Products>
class Int8Row : public Int8Tables<Lanes16, bits> {
public:
    static constexpr int kMaxBatch = 8;
    using Group = densq::Group<bits>;

    // A block's activations: of one vector in registers, as all rows of a tile use them.
    struct Block {
        DENSQ_INLINE explicit Block(const int8_t *from) : x(from) {
            if constexpr (batch == 1) {
                DENSQ_UNROLL
                for (uint32_t i = 0; i < kInRegisters; ++i)
                    values_of_pair[i] = _mm512_loadu_si512(x + DENSQ_LINE_BYTES * i);
            }
        }

        template <int pair>
        DENSQ_INLINE __m512i values(int b) const {
            if constexpr (batch == 1) return values_of_pair[pair];
            return _mm512_loadu_si512(x + DENSQ_BLOCK_COLS * static_cast<size_t>(b) +
                                      DENSQ_LINE_BYTES * pair);
        }

        static constexpr uint32_t kInRegisters = batch == 1 ? kPairs : 1;
        const int8_t *x;
        __m512i values_of_pair[kInRegisters];
    };

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        lut.load(Int8Row::lut_of(matrix, row));
        clear();
    }

    // Two rows share the loads of the activations, where these are not in registers anyway.
    static constexpr int kRows = batch == 1 ? 1 : 2;

    template <int rows>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        const Block &block, const float *scale,
                                        __m512 (*sums)[batch]) {
        Int8Row dense[rows];
        Group group[rows];
        DENSQ_UNROLL
        for (uint32_t r = 0; r < rows; ++r) {
            dense[r].begin_row(matrix, row + r);
            group[r] = densq::load_group<bits>(codes + DENSQ_LINE_BYTES * bits * r);
        }
        add_pairs<0, rows>(dense, group, block);
        DENSQ_UNROLL
        for (int r = 0; r < rows; ++r) dense[r].flush(scale, sums[r]);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t lines) {
        return load_group_lines<bits>(codes, lines);
    }

    template <int field>
    DENSQ_INLINE void add_field(const Group &group, const int8_t *x, size_t x_stride) {
        const __m512i weight = lut.template look_up_field<field>(group);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const auto *at =
                reinterpret_cast<const __m256i *>(x + static_cast<size_t>(b) * x_stride);
            const __m512i values = _mm512_cvtepi8_epi16(_mm256_loadu_si256(at));
            sum[b] = _mm512_add_epi32(sum[b], _mm512_madd_epi16(weight, values));
        }
    }

    DENSQ_INLINE void flush(const float *scale, __m512 *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b)
            sums[b] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[b]),
                                      _mm512_loadu_ps(scale + static_cast<size_t>(b) * kBlockLanes),
                                      sums[b]);
        clear();
    }

private:
    // Pairs whose products are added in one step.
    static constexpr int kStep = int8_products(bits) / 2;

    DENSQ_INLINE void clear() {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) sum[b] = _mm512_setzero_si512();
    }

    template <int pair, int rows>
    static DENSQ_INLINE void add_pairs(Int8Row *dense, const Group *group, const Block &block) {
        __m512i weights[rows][kStep];
        DENSQ_UNROLL
        for (int r = 0; r < rows; ++r) look_up<pair, 0>(dense[r].lut, group[r], weights[r]);
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            __m512i values[kStep];
            load<pair, 0>(block, b, values);
            DENSQ_UNROLL
            for (int r = 0; r < rows; ++r)
                dense[r].sum[b] =
                    Products::template add<kStep>(dense[r].sum[b], weights[r], values);
        }
        if constexpr (pair + kStep < kPairs) add_pairs<pair + kStep, rows>(dense, group, block);
    }

    template <int pair, int i>
    static DENSQ_INLINE void look_up(const Lut<bits> &lut, const Group &group, __m512i *weights) {
        weights[i] = lut.template look_up<pair + i>(group);
        if constexpr (i + 1 < kStep) look_up<pair, i + 1>(lut, group, weights);
    }

    template <int pair, int i>
    static DENSQ_INLINE void load(const Block &block, int b, __m512i *values) {
        values[i] = block.template values<pair + i>(b);
        if constexpr (i + 1 < kStep) load<pair, i + 1>(block, b, values);
    }

    Lut<bits> lut;
    __m512i sum[batch];
};

// A row's LUT, repeated to fill a register.
template <int bits>
static DENSQ_INLINE __m512i repeat_lut(const uint8_t *lut) {
    if constexpr (bits == 4)
        return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(lut)));
    if constexpr (bits == 3) return _mm512_broadcastq_epi64(_mm_loadu_si64(lut));
    int32_t four;
    memcpy(&four, lut, sizeof four);
    return _mm512_set1_epi32(four);
}

// For each of 64 indices, the code that lies from bit `shift` on.
template <int shift>
struct alignas(DENSQ_LINE_BYTES) ShiftedIndices {
    uint8_t index[DENSQ_LINE_BYTES] = {};

    constexpr ShiftedIndices() {
        for (uint32_t i = 0; i < DENSQ_LINE_BYTES; ++i) index[i] = static_cast<uint8_t>(i >> shift);
    }
};
template <int shift>
constexpr ShiftedIndices<shift> kShifted;

template <int shift>
static DENSQ_INLINE __m512i shifted_indices() {
    return _mm512_load_si512(kShifted<shift>.index);
}

}  // namespace
}  // namespace densq
