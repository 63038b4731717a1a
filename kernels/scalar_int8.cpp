// SPDX-License-Identifier: MIT
// scalar_int8.cpp - the int8 precision, portable: the simplest text of what all instruction sets
// compute, to the bit.
#include <math.h>

#include "densq/half.h"
#include "kernels/prepare_activations.hpp"
#include "kernels/tile.hpp"

namespace densq {
namespace {

// a * b + c, rounded once, as the instructions of the others do it.  The product is exact in
// double.  If the sum is not, its last bit is made odd, towards the exact sum, so that rounding it
// again gives what rounding the exact sum would have given.
float multiply_add(float a, float b, float c) {
    const double product = static_cast<double>(a) * static_cast<double>(b);
    const auto addend = static_cast<double>(c);
    const double sum = product + addend;
    const double part = sum - product;
    const double error = (product - (sum - part)) + (addend - part);
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((error > 0 || error < 0) && bits % 2 == 0) bits += (error > 0) == (sum > 0) ? 1 : -1ull;
    double odd;
    memcpy(&odd, &bits, sizeof odd);
    return static_cast<float>(odd);
}

struct SixteenLanes {
    struct Vector {
        float lane[kBlockLanes];
    };
    static constexpr int kTransposedBatch = 0;

    static Vector zero() { return {}; }

    static Vector sum_of_products(Vector v, float factor, const float *other, float other_factor) {
        for (uint32_t j = 0; j < kBlockLanes; ++j)
            v.lane[j] = multiply_add(other[j], other_factor, v.lane[j] * factor);
        return v;
    }

    // In fours: the even ones, the odd ones, and both; then the fours in pairs.
    static float sum(const Vector &v) {
        float four[4];
        for (uint32_t i = 0; i < 4; ++i) {
            const float *at = v.lane + 4 * i;
            four[i] = (at[0] + at[2]) + (at[1] + at[3]);
        }
        return (four[0] + four[1]) + (four[2] + four[3]);
    }

    static void sum_16(const Vector *v, size_t stride, float *out) {
        for (size_t r = 0; r < DENSQ_TILE_ROWS; ++r) out[r] = sum(v[r * stride]);
    }

    static void scale_products(float *products, const uint16_t *val, uint32_t count) {
        for (uint32_t i = 0; i < count; ++i) products[i] *= densq_f16_to_f32(val[i]);
    }

    template <int batch>
    static void add_products(Vector *v, const float *products, uint32_t stride, uint32_t count) {
        for (int b = 0; b < batch; ++b, products += stride)
            for (uint32_t i = 0; i < count; i += kBlockLanes)
                for (uint32_t j = 0; j < kBlockLanes; ++j)  // + 0 makes a 0 of -0
                    v[b].lane[j] += i + j < count ? products[i + j] : 0.0f;
    }
};

template <int bits, int batch>
class Int8Row : public Int8Tables<SixteenLanes, bits> {
    using Vector = SixteenLanes::Vector;

public:
    using Block = const int8_t *;
    static constexpr int kRows = 1, kMaxBatch = 4;

    struct Group {
        uint8_t bytes[bits * DENSQ_LINE_BYTES];
    };

    static Group load_group(const uint8_t *codes, uint32_t lines) {
        Group group = {};
        memcpy(group.bytes, codes, lines * DENSQ_LINE_BYTES);
        return group;
    }

    template <int>
    static void add_groups(const Matrix *matrix, uint32_t row, const uint8_t *codes,
                           const int8_t *x, const float *scale, Vector (*sums)[batch]) {
        Int8Row dense;
        dense.begin_row(matrix, row);
        const Group group = load_group(codes, bits);
        for (uint32_t u = 0; u < DENSQ_GROUP_UNITS; ++u)
            dense.add_unit(group, u, x + DENSQ_UNIT_COLS * u, DENSQ_BLOCK_COLS);
        dense.flush(scale, *sums);
    }

    void begin_row(const Matrix *matrix, uint32_t row) {
        lut = Int8Row::lut_of(matrix, row);
        memset(sum, 0, sizeof sum);
    }

    template <int field>
    void add_field(const Group &group, const int8_t *x, size_t x_stride) {
        add_unit(group, field, x, x_stride);
    }

    void flush(const float *scale, Vector *sums) {
        for (int b = 0; b < batch; ++b)
            for (uint32_t j = 0; j < kBlockLanes; ++j, ++scale)
                sums[b].lane[j] =
                    multiply_add(static_cast<float>(sum[b][j]), *scale, sums[b].lane[j]);
        memset(sum, 0, sizeof sum);
    }

private:
    void add_unit(const Group &group, uint32_t field, const int8_t *x, size_t x_stride) {
        for (uint32_t slot = 0; slot < DENSQ_UNIT_COLS; ++slot) {
            const int32_t weight = lut[densq_get_code(group.bytes, bits, field, slot)];
            for (int b = 0; b < batch; ++b)
                sum[b][slot / 2] += weight * x[slot + static_cast<size_t>(b) * x_stride];
        }
    }

    const uint8_t *lut;
    int32_t sum[batch][kBlockLanes];
};

constexpr uint32_t lane_of(uint32_t col) { return col % DENSQ_UNIT_COLS / 2; }

void find_largest(const float *x, uint32_t count, float *largest) {
    uint32_t bits[kBlockLanes] = {};  // as integers, NaN is the largest of all magnitudes
    for (uint32_t c = 0; c < count; ++c) {
        const uint32_t magnitude = densq_bits_from_float(x[c]) & 0x7FFFFFFFu;
        uint32_t &most = bits[lane_of(c)];
        most = magnitude > most ? magnitude : most;
    }
    for (uint32_t j = 0; j < kBlockLanes; ++j) {
        const float value = densq_float_from_bits(bits[j] < 0x7F800000u ? bits[j] : 0x7FC00000u);
        largest[j] = value < kScaleFloor ? kScaleFloor : value;
    }
}

void quantize(const float *x, uint32_t count, float divisor, float *scale, int8_t *out,
              float *lane_sums) {
    float inverse[kBlockLanes];
    int32_t sum[kBlockLanes] = {};
    for (uint32_t j = 0; j < kBlockLanes; ++j) {
        const bool finite = scale[j] - scale[j] == 0;
        inverse[j] = finite ? kInt8MaxActivation / scale[j] : 0;
        scale[j] /= kInt8MaxActivation * divisor;
    }
    memset(out, 0, prepared_cols(count));
    for (uint32_t c = 0; c < count; ++c) {
        const uint32_t j = lane_of(c);
        if (inverse[j] == 0) continue;
        out[c] = static_cast<int8_t>(rintf(x[c] * inverse[j]));
        sum[j] += out[c];
    }
    for (uint32_t j = 0; j < kBlockLanes; ++j)
        lane_sums[j] = multiply_add(static_cast<float>(sum[j]), scale[j], lane_sums[j]);
}

void prepare_int8(const Activations *activations, uint32_t cols, uint32_t) {
    prepare_lanes(activations, cols, find_largest, quantize);
}

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_scalar_int8 =
    densq::make_kernels<densq::Int8Row>(densq::prepare_int8);
