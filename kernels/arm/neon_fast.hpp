// SPDX-License-Identifier: MIT
// neon_fast.hpp - the fast precision: whole blocks by the products that the table chooses, of words
// or, where there is sdot, of bytes; tails by products of words.  Both give the same sums.
#pragma once
#include "kernels/prepare_activations.hpp"
#include "kernels/widths.hpp"

#include "neon_lanes.hpp"
#include "neon_word_products.hpp"

namespace densq {
namespace {

// The largest that is two signed bytes.
constexpr int kMaxActivation = 127 * 256 + 127;
static_assert(kMaxActivation <= kFastMaxActivation);

template <int bits, int batch, class BlockProducts>
class FastRow : public FastTables<Lanes8, bits> {
public:
    static constexpr int kMaxBatch = 4;
    using Group = const uint8_t *;

    DENSQ_INLINE void begin_row(const Matrix *matrix, uint32_t row) {
        products.set_lut(FastRow::lut_of(matrix, row));
        products.clear();
    }

    using Block = const int16_t *;
    static constexpr int kRows = 1;

    template <int>
    static DENSQ_INLINE void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                                        Block x, const float *scale,
                                        Lanes8::Vector (*sums)[batch]) {
        BlockProducts block;
        block.set_lut(FastRow::lut_of(matrix, row));
        block.clear();
        DENSQ_ROLLED
        for (int quarter = 0; quarter < kQuarters; ++quarter)
            block.template add_pairs<0>(codes, quarter, x);
        add_sums(block, scale, *sums);
        block.clear();
        DENSQ_ROLLED
        for (int quarter = 0; quarter < kQuarters; ++quarter)
            block.template add_pairs<kPairs / 2>(codes, quarter, x);
        add_sums(block, scale + batch, *sums);
    }

    static DENSQ_INLINE Group load_group(const uint8_t *codes, uint32_t) { return codes; }

    template <int field>
    DENSQ_INLINE void add_field(Group group, const int16_t *x, size_t x_stride) {
        products.template add_field<field>(group, x, x_stride);
    }

    DENSQ_INLINE void flush(const float *scale, Lanes8::Vector *sums) {
        add_sums(products, scale, sums);
        products.clear();
    }

private:
    template <class Products>
    static DENSQ_INLINE void add_sums(const Products &from, const float *scale,
                                      Lanes8::Vector *sums) {
        DENSQ_UNROLL
        for (int b = 0; b < batch; ++b) {
            const float32x2_t two = vcvt_f32_f64(vcvtq_f64_s64(from.sums(b)));
            sums[b].val[0] =
                vfmaq_n_f32(sums[b].val[0], vcombine_f32(two, vdup_n_f32(0)), scale[b]);
        }
    }

    WordProducts<bits, batch> products;
};

// Quantizes `cols` (1..kSpanCols) activations into whole units of 32; returns the scale.
float quantize_span(const float *x, uint32_t cols, int16_t *out) {
    float32x4_t largest_4 = vdupq_n_f32(0);
    for (uint32_t c = 0; c < cols; c += 4)
        largest_4 = vmaxq_f32(largest_4, vabsq_f32(load_first(x + c, cols - c)));
    float largest = vmaxvq_f32(largest_4);  // NaN if there is one
    const bool finite = largest - largest == 0;
    if (largest < kScaleFloor) largest = kScaleFloor;
    const float inverse = finite ? kMaxActivation / largest : 0.0f;
    for (uint32_t c = 0; c < (cols + 31) / 32 * 32; c += 4) {
        const float32x4_t v = c < cols ? load_first(x + c, cols - c) : vdupq_n_f32(0);
        vst1_s16(out + c, vqmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(v, inverse))));
    }
    return finite ? largest / kMaxActivation : largest - largest;  // infinity - infinity is NaN
}

template <template <int, int> class BlockProducts>
void prepare_fast(const Activations *activations, uint32_t cols, uint32_t bits) {
    with_width(bits, [=](auto width) {
        prepare_spans(activations, cols, quantize_span,
                      BlockProducts<width.value, 1>::arrange_block);
    });
}

}  // namespace
}  // namespace densq
