// SPDX-License-Identifier: MIT
// prepare_activations.hpp - the walk over activations in KernelTable::prepare, common to all
// instruction sets.
#pragma once
#include <string.h>

#include "densq/half.h"
#include "densq/layout.h"
#include "kernels/compiler.hpp"
#include "kernels/table.hpp"

namespace densq {
namespace {

// Calls prepare(x, count, out, block, b) for each block of 512 columns and the tail of every
// vector; `block` is its number, b that of the vector.
template <typename Element, typename Prepare>
DENSQ_INLINE void for_each_block(const Activations *activations, uint32_t cols, Prepare prepare) {
    auto *out = static_cast<Element *>(activations->prepared);
    for (uint32_t c = 0; c < cols; c += DENSQ_BLOCK_COLS) {
        const uint32_t count = cols - c < DENSQ_BLOCK_COLS ? cols - c : DENSQ_BLOCK_COLS;
        for (uint32_t b = 0; b < activations->count; ++b) {
            prepare(activations->x + b * activations->x_stride + c, count, out,
                    c / DENSQ_BLOCK_COLS, b);
            out += prepared_cols(count);
        }
    }
}

// The scales of a vector among those of all: `groups` times `width` that lie together.
template <uint32_t width>
struct VectorScales {
    float *first;
    size_t stride;  // from group to group
    uint32_t groups;

    VectorScales(const Activations *activations, uint32_t groups_, uint32_t b)
        : first(activations->scale + b * width), stride(size_t{width} * activations->count),
          groups(groups_) {}

    template <typename Visit>
    DENSQ_INLINE void for_each(Visit visit) const {
        for (uint32_t g = 0; g < groups; ++g)
            for (uint32_t i = 0; i < width; ++i) visit(first + g * stride + i);
    }
};

// Vectors with numbers above this (2^40) are divided by a power of two that brings them below it,
// so that no sum of integers times scales overflows.  Returns that power.
template <uint32_t width>
DENSQ_INLINE float find_vector_scale(const VectorScales<width> &scales) {
    constexpr int kLimitExponent = 40;
    float largest = 0;  // NaN is not larger
    scales.for_each([&](const float *scale) { largest = *scale > largest ? *scale : largest; });
    const int exponent = static_cast<int>(densq_bits_from_float(largest) >> 23) - 127;
    const int excess = exponent > kLimitExponent ? exponent - kLimitExponent : 0;
    return densq_float_from_bits(static_cast<uint32_t>(excess + 127) << 23);
}

// Prepares activations for the fast precision.  quantize(x, count, out) writes a span into whole
// units and returns its scale; arrange(block) puts a block of 512 into the order that the kernels
// want.
template <typename Quantize, typename Arrange>
DENSQ_INLINE void prepare_spans(const Activations *activations, uint32_t cols, Quantize quantize,
                                Arrange arrange) {
    for_each_block<int16_t>(
        activations, cols,
        [=](const float *x, uint32_t count, int16_t *out, uint32_t block, uint32_t b) {
            float *scale = activations->scale + block * kBlockSpans * activations->count + b;
            for (uint32_t at = 0; at < count; at += kSpanCols, scale += activations->count) {
                const uint32_t left = count - at;
                *scale = quantize(x + at, left < kSpanCols ? left : kSpanCols, out + at);
            }
            if (count == DENSQ_BLOCK_COLS) arrange(out);
        });
    for (uint32_t b = 0; b < activations->count; ++b) {
        const VectorScales<1> scales(activations, span_count(cols), b);
        const float divisor = find_vector_scale(scales);
        activations->vector_scale[b] = divisor;
        if (divisor > 1) scales.for_each([=](float *scale) { *scale /= divisor; });
    }
}

// Prepares activations for the int8 precision.  find_largest(x, count, largest) finds the largest
// magnitude in each lane of a block, at least kScaleFloor, NaN if one is not finite;
// quantize(x, count, divisor, scale, out, lane_sums) turns these, in `scale`, into scales, divides
// them by `divisor`, writes the integers into whole units, and adds to lane_sums what they stand
// for.
template <typename FindLargest, typename Quantize>
DENSQ_INLINE void prepare_lanes(const Activations *activations, uint32_t cols,
                                FindLargest find_largest, Quantize quantize) {
    const auto scale_of = [=](uint32_t block, uint32_t b) {
        return activations->scale +
               (static_cast<size_t>(block) * activations->count + b) * kBlockLanes;
    };
    for_each_block<int8_t>(activations, cols,
                           [=](const float *x, uint32_t count, int8_t *, uint32_t block,
                               uint32_t b) { find_largest(x, count, scale_of(block, b)); });
    for (uint32_t b = 0; b < activations->count; ++b)
        activations->vector_scale[b] =
            find_vector_scale(VectorScales<kBlockLanes>(activations, block_count(cols), b));
    memset(activations->lane_sums, 0, activations->count * kBlockLanes * sizeof(float));
    for_each_block<int8_t>(
        activations, cols,
        [=](const float *x, uint32_t count, int8_t *out, uint32_t block, uint32_t b) {
            quantize(x, count, activations->vector_scale[b], scale_of(block, b), out,
                     activations->lane_sums + b * kBlockLanes);
        });
}

// Prepares activations for the exact precision, if columns keep their order.
inline void prepare_in_order(const Activations *activations, uint32_t cols, uint32_t) {
    for_each_block<float>(activations, cols,
                          [](const float *x, uint32_t count, float *out, uint32_t, uint32_t) {
                              memcpy(out, x, count * sizeof *x);
                              memset(out + count, 0, (prepared_cols(count) - count) * sizeof *x);
                          });
}

}  // namespace
}  // namespace densq
