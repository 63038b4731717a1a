// SPDX-License-Identifier: MIT
// sum_order.hpp - in which order the kernels add, all of them: the bits of an output must not
// depend on the batch.
//
// Dense: the columns of a row are cut into slices of whole spans, the slices form two slice groups.
// A span's sum is multiplied by the scale and added to its slice's, these to their group's, in
// order.  The groups are added, then, if exact, the parts.
//
// Sparse: nonzero i of a row is added to sum i % 16; then these are added pairwise.  Rows with more
// than kGpuHeavyRow nonzeros are cut into segments, whose sums, formed by the kernel `prepare`, are
// added in order.
#pragma once
#include "kernels/cuda/prepare_kernel.hpp"

namespace densq::cuda {

constexpr uint32_t kSlices = 8;
constexpr uint32_t kSliceGroups = 2;
constexpr uint32_t kGroupSlices = kSlices / kSliceGroups;
constexpr uint32_t kRowLanes = 16;

struct Slice {
    uint32_t begin, end;  // spans
};

DENSQ_DEVICE Slice find_slice(uint32_t spans, uint32_t slice) {
    return {spans * slice / kSlices, spans * (slice + 1) / kSlices};
}

// Part and row, of a tile, of number i of a lane's fragment j.
DENSQ_DEVICE uint32_t fragment_part(uint32_t j, uint32_t i) {
    return 8 * j + lane_index() % 4 * 2 + i % 2;
}

DENSQ_DEVICE uint32_t fragment_row(uint32_t i) { return lane_index() / 4 + i / 2 * 8; }

// Where a lane reads the scales of its parts, those from first_part on.
struct ScaleCursor {
    const U32x2 *at;
    uint32_t stride;

    DENSQ_DEVICE ScaleCursor(const Prepared &prepared, uint32_t span, uint32_t first_part)
        : at(prepared.scales + static_cast<size_t>(span) * prepared.scale_pairs + first_part / 2 +
             lane_index() % 4),
          stride(prepared.scale_pairs) {}

    // sums += span_sums * scales; then the next span's turn.
    template <uint32_t count>
    DENSQ_DEVICE void add_span(const float (&span_sums)[count][4], float (&sums)[count][4]) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) {
            const U32x2 pair = load_readonly(at + 4 * j);
            DENSQ_DEVICE_UNROLL
            for (uint32_t i = 0; i < 4; ++i)
                sums[j][i] = fused_multiply_add(
                    span_sums[j][i], float_from_bits(i % 2 ? pair.y : pair.x), sums[j][i]);
        }
        at += stride;
    }
};

struct RowNonzeros {
    uint32_t begin, end;                  // to be multiplied
    uint32_t first_segment, end_segment;  // to be added
};

template <bool heavy_rows>
DENSQ_DEVICE RowNonzeros find_nonzeros(const PackedMatrix &matrix, uint32_t row) {
    const uint32_t *row_ptr = matrix.row_ptr + row;
    RowNonzeros found = {load_readonly(row_ptr), load_readonly(row_ptr + 1), 0, 0};
    if (!heavy_rows || found.end - found.begin <= kGpuHeavyRow) return found;
    found.end = found.begin;
    found.first_segment = load_readonly(matrix.first_segment + row);
    found.end_segment = load_readonly(matrix.first_segment + row + 1);
    return found;
}

DENSQ_DEVICE float add_segments(const PackedMatrix &matrix, const Prepared &prepared,
                                const RowNonzeros &nonzeros, uint32_t vector) {
    float sum = 0;
    for (uint32_t i = nonzeros.first_segment; i < nonzeros.end_segment; ++i)
        sum += load_readonly(prepared.segment_sums + static_cast<size_t>(vector) * matrix.segments +
                             i);
    return sum;
}

}  // namespace densq::cuda
