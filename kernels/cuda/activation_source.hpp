// SPDX-License-Identifier: MIT
// activation_source.hpp - where a warp of the product with few vectors has its activations from.
#pragma once
#include "kernels/cuda/sum_order.hpp"

namespace densq::cuda {

// Activations in the workspace.  Parts that do not exist are read as part 0, which costs nothing;
// their results are not used.
template <uint32_t count>
class PreparedSource {
public:
    static constexpr bool kHeavyRows = true;  // `prepare` has summed their segments
    static constexpr uint32_t kCount = count;
    static constexpr uint32_t kWords = 0;  // of a warp's memory

    DENSQ_DEVICE PreparedSource(const Product &product, uint32_t span, Shared<uint32_t>)
        : scales(product.prepared, span, 0) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) {
            const uint32_t part = 8 * j + lane_index() / 4;
            const size_t row = part < product.prepared.parts ? part : 0;
            at[j] = product.prepared.halves +
                    (row * product.matrix.spans + span) * (kSpanUnits * 4) + lane_index() % 4;
        }
    }

    DENSQ_DEVICE void begin_span(bool) {}

    // Columns 8t..8t+7 of a unit.
    DENSQ_DEVICE void load(uint32_t unit, U32x4 (&b)[count]) const {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) b[j] = load_readonly(at[j] + 4 * unit);
    }

    DENSQ_DEVICE void add_span(const float (&span_sums)[count][4], float (&sums)[count][4]) {
        scales.add_span(span_sums, sums);
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) at[j] += kSpanUnits * 4;
    }

private:
    const U32x4 *at[count];
    ScaleCursor scales;
};

// Activations of one vector in the memory of the caller: each warp converts what it needs.  That
// costs less than to launch `prepare` and to wait for it.
template <bool exact>
class OwnSource {
public:
    static constexpr bool kHeavyRows = false;
    static constexpr uint32_t kCount = 1;
    static constexpr uint32_t kParts = exact ? 2 : 1;
    static constexpr uint32_t kWords = kParts * kSpanCols / 2;  // [parts][pairs]

    DENSQ_DEVICE OwnSource(const Product &whole, uint32_t first_span, Shared<uint32_t> of_warp)
        : product(whole), memory(of_warp), span(first_span) {
        columns.load(product.activations, product.matrix.cols, span, 0);
    }

    DENSQ_DEVICE void begin_span(bool last) {
        columns.to_f32(product.activations.dtype);
        const SpanHalves halves = to_halves<exact>(columns);
        scale = halves.scale;
        sync_warp();  // until all lanes have loaded the span before
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kLaneCols / 2; ++i) {
            memory.store(i * kWarpThreads + lane_index(), halves.high[i]);
            if constexpr (exact)
                memory.store(kSpanCols / 2 + i * kWarpThreads + lane_index(), halves.low[i]);
        }
        sync_warp();
        if (!last) columns.load(product.activations, product.matrix.cols, ++span, 0);
    }

    DENSQ_DEVICE void load(uint32_t unit, U32x4 (&b)[1]) const {
        const uint32_t part = lane_index() / 4 % kParts;
        b[0] = memory.load_u32x4(part * (kSpanCols / 2) + unit * (DENSQ_UNIT_COLS / 2) +
                                 lane_index() % 4 * 4);
    }

    DENSQ_DEVICE void add_span(const float (&span_sums)[1][4], float (&sums)[1][4]) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < 4; ++i)
            sums[0][i] = fused_multiply_add(span_sums[0][i], scale, sums[0][i]);
    }

private:
    const Product &product;
    Shared<uint32_t> memory;
    uint32_t span;
    RawColumns columns;  // of this span, later of the next
    float scale = 0;
};

}  // namespace densq::cuda
