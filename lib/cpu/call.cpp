// SPDX-License-Identifier: MIT
#include "lib/cpu/call.hpp"

namespace densq {
namespace {

constexpr uint64_t kAlign = 64;
constexpr uint32_t kVectorsBytes = 64 * 1024;  // of activations in F32, see vectors_at_once

// What is taken of the workspace, part after part.
class Parts {
public:
    uint64_t take(uint64_t bytes) {
        const uint64_t at = bytes_;
        bytes_ += (bytes + kAlign - 1) / kAlign * kAlign;
        return at;
    }
    uint64_t take_floats(uint64_t count) { return take(count * sizeof(float)); }
    uint64_t bytes() const { return bytes_; }

private:
    uint64_t bytes_ = 0;
};

}  // namespace

// With more of them, activations and outputs would not stay in the second-level cache from one tile
// to the next; that costs more time than to read the codes again for the next vectors.
uint32_t vectors_at_once(const Operands &operands) {
    const CpuWeights *weights = weights_of(*operands.products);
    const uint32_t max_batch = weights->cpu().kernels->max_batch;
    const uint64_t set_bytes = uint64_t{weights->cols} * max_batch * sizeof(float);
    return max_batch *
           (set_bytes < kVectorsBytes ? static_cast<uint32_t>(kVectorsBytes / set_bytes) : 1);
}

Workspace lay_out_workspace(const Operands &operands, uint32_t batch) {
    const CpuWeights *first = weights_of(*operands.products);
    const PrecisionKernels &kernels = *first->cpu().kernels;
    const uint64_t vectors = batch, cols = first->cols;
    uint64_t rows = 0, segments = 0;
    Workspace space = {};
    for (uint32_t i = 0; i < operands.count; ++i) {
        const CpuWeights *weights = weights_of(operands.products[i]);
        space.prepared.of[weights->matrix.bits - DENSQ_MIN_BITS].used = true;
        space.by_column = space.by_column || (weights->matrix.row_ptr && batch > 1);
        rows += weights->rows;
        segments += weights->plan.segments;
    }
    space.vector_bytes =
        (prepared_cols(first->cols) * kernels.element_bytes + kAlign - 1) / kAlign * kAlign;
    space.vector_scales = static_cast<uint64_t>(block_count(first->cols)) * kernels.block_scales;
    Parts parts;
    for (PreparedAt &prepared : space.prepared.of) {
        if (!prepared.used) continue;
        prepared.vectors = parts.take(space.vector_bytes * vectors);
        prepared.scales = parts.take_floats(space.vector_scales * vectors);
        prepared.lane_sums = parts.take_floats(kBlockLanes * vectors);
        prepared.vector_scale = parts.take_floats(vectors);
    }
    space.columns_at = parts.take_floats(space.by_column ? cols * vectors : 0);
    space.floats_at = parts.take_floats(operands.x_dtype == DENSQ_F32 ? 0 : cols * vectors);
    space.outputs_at = parts.take_floats(operands.y_dtype == DENSQ_F32 ? 0 : rows * vectors);
    space.sums_at = parts.take_floats(segments * vectors);
    space.bytes = parts.bytes();
    return space;
}

}  // namespace densq
