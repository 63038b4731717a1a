// SPDX-License-Identifier: MIT
// prepare_kernel.hpp - the kernel that runs before a product with several vectors or heavy rows:
// activations become halves, and the segments of heavy rows are summed.
#pragma once
#include "kernels/cuda/activation_halves.hpp"

namespace densq::cuda {

constexpr uint32_t kPrepareThreads = 256;
constexpr uint32_t kPrepareWarps = kPrepareThreads / kWarpThreads;

// What lies in the workspace, for one launch of the product.  A part is a vector of halves: vector
// v is part v, or parts 2v and 2v + 1 if exact.
struct Prepared {
    U32x4 *halves;        // uint16_t [parts][spans][256]
    U32x2 *scales;        // float [spans][scale_pairs][2], of parts; past the last part 0
    float *segment_sums;  // [vectors][segments]
    float *columns;       // [cols][column_stride] of F32 vectors, or NULL; past the last vector 0
    uint32_t vectors, parts;
    uint32_t scale_pairs, column_stride;
};

struct Product {
    PackedMatrix matrix;
    TypedActivations activations;
    Prepared prepared;
    TypedOutputs outputs;
    uint32_t parts_of_vector;  // 1, or 2 if exact
};

// What one warp does for a span of a vector, which may lie behind the last one.
DENSQ_DEVICE void prepare_span(const Product &product, uint32_t span, uint32_t vector) {
    const Prepared &prepared = product.prepared;
    const bool exact = product.parts_of_vector == 2, there = vector < prepared.vectors;
    RawColumns columns = {};
    if (there) columns.load(product.activations, product.matrix.cols, span, vector);
    columns.to_f32(product.activations.dtype);
    const SpanHalves halves = to_halves<true>(columns);
    if (lane_index() < product.parts_of_vector)
        store(reinterpret_cast<float *>(prepared.scales +
                                        static_cast<size_t>(span) * prepared.scale_pairs) +
                  vector * product.parts_of_vector + lane_index(),
              there ? halves.scale : 0);
    if (prepared.columns) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kLaneCols; ++i) {
            const size_t col = span * kSpanCols + lane_col(i);
            if (col < product.matrix.cols)
                store(prepared.columns + col * prepared.column_stride + vector, columns.f32(i));
        }
    }
    if (!there) return;
    const size_t part_pairs = static_cast<size_t>(product.matrix.spans) * (kSpanCols / 2);
    uint32_t *out = reinterpret_cast<uint32_t *>(prepared.halves) +
                    vector * product.parts_of_vector * part_pairs + span * (kSpanCols / 2) +
                    lane_index();
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < kLaneCols / 2; ++i) {
        store(out + i * kWarpThreads, halves.high[i]);
        if (exact) store(out + part_pairs + i * kWarpThreads, halves.low[i]);
    }
}

// What one warp does for a segment: its product with a vector.
DENSQ_DEVICE void sum_segment(const Product &product, uint32_t segment, uint32_t vector) {
    const PackedMatrix &matrix = product.matrix;
    const uint32_t end = load_readonly(matrix.segment_begin + 2 * segment + 1);
    float sum = 0;
    for (uint32_t i = load_readonly(matrix.segment_begin + 2 * segment) + lane_index(); i < end;
         i += kWarpThreads) {
        const Nonzero nonzero = load_nonzero(matrix, i);
        sum = fused_multiply_add(nonzero.value, product.activations.load(vector, nonzero.col), sum);
    }
    DENSQ_DEVICE_UNROLL
    for (uint32_t i = 0; i < 5; ++i) sum += shuffle_xor(sum, 1u << i);
    const size_t at = static_cast<size_t>(vector) * matrix.segments + segment;
    if (lane_index() == 0) store(product.prepared.segment_sums + at, sum);
}

// Warps of a grid's row: first the spans of columns, then the segments, of its vector.
DENSQ_KERNEL(kPrepareThreads, 2)
static void prepare(Product product) {
    const uint32_t item = thread_block_index().x * kPrepareWarps + warp_index();
    const uint32_t vector = thread_block_index().y, spans = product.matrix.spans;
    if (item < spans)
        prepare_span(product, item, vector);
    else if (item - spans < product.matrix.segments && vector < product.prepared.vectors)
        sum_segment(product, item - spans, vector);
}

}  // namespace densq::cuda
