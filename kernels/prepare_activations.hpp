// SPDX-License-Identifier: MIT
// prepare_activations.hpp - the walk over activations in KernelTable::prepare, common to all
// instruction sets.
#pragma once
#include <string.h>

#include "densq/layout.h"
#include "kernels/compiler.hpp"
#include "kernels/table.hpp"

namespace densq {
namespace {

// Calls prepare(x, count, out, scale) for each block of 512 columns and the tail of every vector.
// `scale` is that of its first span, the next one's is activations->count further.
template <typename Element, typename Prepare>
DENSQ_INLINE void for_each_block(const Activations *activations, uint32_t cols, Prepare prepare) {
    auto *out = static_cast<Element *>(activations->prepared);
    for (uint32_t c = 0; c < cols; c += DENSQ_BLOCK_COLS) {
        const uint32_t count = cols - c < DENSQ_BLOCK_COLS ? cols - c : DENSQ_BLOCK_COLS;
        for (uint32_t b = 0; b < activations->count; ++b) {
            prepare(activations->x + b * activations->x_stride + c, count, out,
                    activations->scale + c / kSpanCols * activations->count + b);
            out += prepared_cols(count);
        }
    }
}

// quantize(x, count, out) writes a span into whole units and returns its scale;
// arrange(block) puts a block of 512 into the order that the kernels want.
template <typename Quantize, typename Arrange>
DENSQ_INLINE void prepare_spans(const Activations *activations, uint32_t cols, Quantize quantize,
                                Arrange arrange) {
    for_each_block<int16_t>(
        activations, cols, [=](const float *x, uint32_t count, int16_t *out, float *scale) {
            for (uint32_t at = 0; at < count; at += kSpanCols, scale += activations->count) {
                const uint32_t left = count - at;
                *scale = quantize(x + at, left < kSpanCols ? left : kSpanCols, out + at);
            }
            if (count == DENSQ_BLOCK_COLS) arrange(out);
        });
}

// Prepares activations for the exact precision, if columns keep their order.
inline void prepare_in_order(const Activations *activations, uint32_t cols, uint32_t) {
    for_each_block<float>(activations, cols,
                          [](const float *x, uint32_t count, float *out, float *) {
                              memcpy(out, x, count * sizeof *x);
                              memset(out + count, 0, (prepared_cols(count) - count) * sizeof *x);
                          });
}

}  // namespace
}  // namespace densq
