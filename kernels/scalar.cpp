// SPDX-License-Identifier: MIT
// scalar.cpp - portable kernels, for CPUs that can run no others.  They are also the simplest text
// of what the others compute.  Sums are in double (exact) and 64-bit integers (fast).
#include "densq/half.h"
#include "kernels/prepare_activations.hpp"
#include "kernels/tile.hpp"

namespace densq {
namespace {

struct OneLane {
    using Vector = double;
    static constexpr int kTransposedBatch = 0;

    static double zero() { return 0; }
    static double scaled(double v, float factor) { return v * static_cast<double>(factor); }
    static float sum(double v) { return static_cast<float>(v); }

    static void sum_16(const double *v, size_t stride, float *out) {
        for (size_t r = 0; r < DENSQ_TILE_ROWS; ++r) out[r] = static_cast<float>(v[r * stride]);
    }

    static void scale_products(float *products, const uint16_t *val, uint32_t count) {
        for (uint32_t i = 0; i < count; ++i) products[i] *= densq_f16_to_f32(val[i]);
    }

    template <int batch>
    static void add_products(double *v, const float *products, uint32_t stride, uint32_t count) {
        for (int b = 0; b < batch; ++b, products += stride)
            for (uint32_t i = 0; i < count; ++i) v[b] += static_cast<double>(products[i]);
    }
};

// A row's product with `Entry` LUT entries and activations, summed in `Sum`.
template <int bits, int batch, typename Entry, typename Sum>
class ScalarRow {
public:
    using Block = const Entry *;
    static constexpr int kRows = 1, kMaxBatch = 4;

    struct Group {
        uint8_t bytes[bits * DENSQ_LINE_BYTES];
    };

    static Group load_group(const uint8_t *codes, uint32_t lines) {
        Group group = {};
        memcpy(group.bytes, codes, lines * DENSQ_LINE_BYTES);
        return group;
    }

    template <int field>
    void add_field(const Group &group, const Entry *x, size_t x_stride) {
        add_unit(group, field, x, x_stride);
    }

    void add_unit(const Group &group, uint32_t field, const Entry *x, size_t x_stride) {
        for (uint32_t slot = 0; slot < DENSQ_UNIT_COLS; ++slot) {
            const auto weight =
                static_cast<Sum>(lut[densq_get_code(group.bytes, bits, field, slot)]);
            for (int b = 0; b < batch; ++b)
                sum[b] += weight * static_cast<Sum>(x[slot + static_cast<size_t>(b) * x_stride]);
        }
    }

protected:
    void clear() {
        for (Sum &s : sum) s = 0;
    }

    Entry lut[1 << bits];
    Sum sum[batch];
};

// Row::add_groups, made of the other functions of Row.
template <class Row, int bits, int batch>
void add_group(const Matrix *matrix, uint32_t row, const uint8_t *codes,
               const typename Row::Element *x, const float *scale, double *sums) {
    Row dense;
    dense.begin_row(matrix, row);
    const auto group = Row::load_group(codes, bits);
    for (uint32_t u = 0; u < DENSQ_GROUP_UNITS; ++u) {
        dense.add_unit(group, u, x + DENSQ_UNIT_COLS * u, DENSQ_BLOCK_COLS);
        if ((u + 1) % kSpanUnits) continue;
        dense.flush(scale, sums);
        scale += batch;
    }
}

template <int bits, int batch>
struct ExactRow : ScalarRow<bits, batch, float, double>, ExactTables<OneLane, bits> {
    void begin_row(const Matrix *matrix, uint32_t row) {
        this->clear();
        const uint16_t *entries = ExactRow::lut_of(matrix, row);
        for (int k = 0; k < 1 << bits; ++k) this->lut[k] = densq_f16_to_f32(entries[k]);
    }

    template <int>
    static void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes, const float *x,
                           const float *scale, double (*sums)[batch]) {
        add_group<ExactRow, bits, batch>(matrix, row, codes, x, scale, *sums);
    }

    void flush(const float *, double *sums) {
        for (int b = 0; b < batch; ++b) {
            sums[b] += this->sum[b];
            this->sum[b] = 0;
        }
    }
};

template <int bits, int batch>
struct FastRow : ScalarRow<bits, batch, int16_t, int64_t>, FastTables<OneLane, bits> {
    void begin_row(const Matrix *matrix, uint32_t row) {
        this->clear();
        memcpy(this->lut, FastRow::lut_of(matrix, row), sizeof this->lut);
    }

    template <int>
    static void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                           const int16_t *x, const float *scale, double (*sums)[batch]) {
        add_group<FastRow, bits, batch>(matrix, row, codes, x, scale, *sums);
    }

    void flush(const float *scale, double *sums) {
        for (int b = 0; b < batch; ++b) {
            sums[b] += static_cast<double>(this->sum[b]) * static_cast<double>(scale[b]);
            this->sum[b] = 0;
        }
    }
};

// Quantizes `cols` (1..kSpanCols) activations into whole units of 32; returns the scale, NaN if one
// is not finite.
float quantize_span(const float *x, uint32_t cols, int16_t *out) {
    memset(out, 0, prepared_cols(cols) * sizeof *out);
    uint32_t largest_bits = 0;  // as integers, NaN is the largest of all magnitudes
    for (uint32_t c = 0; c < cols; ++c) {
        const uint32_t bits = densq_bits_from_float(x[c]) & 0x7FFFFFFFu;
        if (bits > largest_bits) largest_bits = bits;
    }
    if (largest_bits >= 0x7F800000u) return densq_float_from_bits(0x7FC00000u);
    float largest = densq_float_from_bits(largest_bits);
    if (largest < kScaleFloor) largest = kScaleFloor;
    const float inverse = kFastMaxActivation / largest;
    for (uint32_t c = 0; c < cols; ++c) {
        const float scaled = x[c] * inverse;
        out[c] = static_cast<int16_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    }
    return largest / kFastMaxActivation;
}

void prepare_fast(const Activations *activations, uint32_t cols, uint32_t) {
    prepare_spans(activations, cols, quantize_span, [](int16_t *) {});
}

constexpr PrecisionKernels kFast = make_kernels<FastRow>(prepare_fast);
constexpr PrecisionKernels kExact = make_kernels<ExactRow>(prepare_in_order);
constexpr KernelTable kTable = {"scalar", 0, &kFast, &kExact, &densq_k_scalar_int8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_scalar() { return &kTable; }
