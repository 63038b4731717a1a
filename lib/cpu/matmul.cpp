// SPDX-License-Identifier: MIT
// matmul.cpp - a multiplication: prepare the activations, run the chunks of the plan, add what
// heavy rows left in the workspace.
#include "densq/layout.h"
#include "lib/base/float_environment.hpp"
#include "lib/cpu/cpu_backend.hpp"

namespace densq {
namespace {

constexpr size_t kAlign = 64;
constexpr uint32_t kVectorsBytes = 64 * 1024;  // of activations in F32, see vectors_at_once

uint32_t min(uint32_t a, uint32_t b) { return a < b ? a : b; }

// How the workspace is divided, all vectors of the batch in each part.
struct Workspace {
    uint64_t vector_bytes;     // of one prepared vector, a multiple of kAlign
    uint64_t vector_scales;    // of one vector
    bool by_column;            // whether the sparse part needs activations by column
    uint64_t scales_at;        // after the prepared vectors
    uint64_t lane_sums_at;     // [batch][kBlockLanes]
    uint64_t vector_scale_at;  // [batch]
    uint64_t columns_at;
    uint64_t sums_at;  // of heavy segments [segments][batch]
    uint64_t bytes;
};

Workspace lay_out_workspace(const CpuWeights *weights, uint32_t batch) {
    const uint32_t cols = weights->matrix.cols;
    const PrecisionKernels &kernels = *weights->cpu().kernels;
    Workspace space;
    space.vector_bytes =
        (prepared_cols(cols) * kernels.element_bytes + kAlign - 1) / kAlign * kAlign;
    space.vector_scales = static_cast<uint64_t>(block_count(cols)) * kernels.block_scales;
    space.by_column = weights->matrix.row_ptr && batch > 1;
    uint64_t end = 0;
    const auto take = [&](uint64_t bytes) {
        const uint64_t at = end;
        end += bytes;
        return at;
    };
    const uint64_t vectors = batch, segments = weights->plan.segments;
    take(space.vector_bytes * vectors);
    space.scales_at = take(space.vector_scales * vectors * sizeof(float));
    space.lane_sums_at = take(kBlockLanes * vectors * sizeof(float));
    space.vector_scale_at = take(vectors * sizeof(float));
    space.columns_at = take(space.by_column ? cols * vectors * sizeof(float) : 0);
    space.sums_at = take(segments * vectors * sizeof(float));
    space.bytes = end;
    return space;
}

// The number of vectors that are multiplied together.  With more of them, activations and outputs
// would not stay in the second-level cache from one tile to the next; that costs more time than to
// read the codes again for the next vectors.
uint32_t vectors_at_once(const CpuWeights *weights) {
    const uint32_t max_batch = weights->cpu().kernels->max_batch;
    const uint32_t set_bytes = weights->matrix.cols * max_batch * sizeof(float);
    return max_batch * (set_bytes < kVectorsBytes ? kVectorsBytes / set_bytes : 1);
}

// A multiplication of at most vectors_at_once vectors.
struct Call : Operands {
    const CpuWeights *weights;
    Workspace space;
    uint8_t *base;  // of the workspace

    const PrecisionKernels &kernels() const { return *weights->cpu().kernels; }
    float *floats(uint64_t at) const { return reinterpret_cast<float *>(base + at); }
    float *sums() const { return floats(space.sums_at); }
};

// The activations by column, for the vectors from number `first` on.
float *columns_from(const Call &call, uint32_t first) {
    return call.floats(call.space.columns_at) +
           static_cast<size_t>(first) * call.weights->matrix.cols;
}

// The vectors of a call from number `first` on: as many as the kernels can take.
Activations activations_from(const Call &call, uint32_t first) {
    const Workspace &space = call.space;
    uint32_t count = call.kernels().max_batch;
    while (count > call.batch - first) count /= 2;
    Activations activations;
    activations.count = count;
    activations.x = call.x + first * call.x_stride;
    activations.x_stride = call.x_stride;
    activations.prepared = call.base + first * space.vector_bytes;
    activations.scale = call.floats(space.scales_at) + first * space.vector_scales;
    activations.lane_sums = call.floats(space.lane_sums_at) + first * size_t{kBlockLanes};
    activations.vector_scale = call.floats(space.vector_scale_at) + first;
    activations.columns = space.by_column && count > 1 ? columns_from(call, first) : activations.x;
    return activations;
}

// out[c * count + b] = x[b * x_stride + c]
void arrange_by_column(const Activations &activations, uint32_t cols, float *out) {
    const float *x = activations.x;
    for (uint32_t c = 0; c < cols; ++c)
        for (uint32_t b = 0; b < activations.count; ++b) *out++ = x[b * activations.x_stride + c];
}

// Prepares sets of max_batch vectors; the last set may have fewer.
void prepare_sets(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    const Call &call = *static_cast<const Call *>(arg);
    const Matrix &matrix = call.weights->matrix;
    const uint32_t max_batch = call.kernels().max_batch;
    const uint64_t last = static_cast<uint64_t>(end) * max_batch;
    const uint32_t end_vector = last < call.batch ? static_cast<uint32_t>(last) : call.batch;
    for (uint32_t first = begin * max_batch; first < end_vector;) {
        const Activations activations = activations_from(call, first);
        call.kernels().prepare(&activations, matrix.cols, matrix.bits);
        if (activations.columns != activations.x)
            arrange_by_column(activations, matrix.cols, columns_from(call, first));
        first += activations.count;
    }
}

void multiply_tiles(const Call &call, const Activations &activations, uint32_t first,
                    const Tiles &tiles) {
    const Matrix &matrix = call.weights->matrix;
    const MultiplyTiles multiply = at_width(call.kernels().multiply_tiles, matrix.bits);
    multiply(&matrix, &activations, &tiles, call.y + first * call.y_stride, call.y_stride);
}

void multiply_segment(const Call &call, const Activations &activations, uint32_t first,
                      uint32_t index) {
    const Segment &segment = call.weights->plan.segment[index];
    float *sums = call.sums() + static_cast<size_t>(index) * call.batch;
    call.kernels().sparse_segment(&call.weights->matrix, &activations, segment.begin, segment.end,
                                  sums + first, 1);
}

// Calls visit(activations, first) for the vectors of a call, as many at a time as kernels take.
template <typename Visit>
void for_each_set(const Call &call, Visit visit) {
    for (uint32_t first = 0; first < call.batch;) {
        const Activations activations = activations_from(call, first);
        visit(activations, first);
        first += activations.count;
    }
}

// How many of the items [item, end) are multiplied together: tiles whose codes are read side by
// side.  A batch reads the codes of a tile several times, so that they should stay in the cache.
uint32_t tiles_together(const Call &call, uint32_t item, uint32_t end) {
    const uint32_t end_tile = min(end, call.weights->plan.tiles);
    return item < end_tile && call.batch == 1
               ? min(end_tile - item, call.weights->cpu().reading.tiles)
               : 1;
}

void multiply_chunks(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    const Call &call = *static_cast<const Call *>(arg);
    const Plan &plan = call.weights->plan;
    const uint32_t end_item = plan.chunk_begin[end];
    for (uint32_t item = plan.chunk_begin[begin]; item < end_item;) {
        const uint32_t count = tiles_together(call, item, end_item);
        for_each_set(call, [&](const Activations &activations, uint32_t first) {
            if (item < plan.tiles)
                multiply_tiles(call, activations, first,
                               {item, count, call.weights->cpu().reading.prefetch_bytes});
            else
                multiply_segment(call, activations, first, item - plan.tiles);
        });
        item += count;
    }
}

// Adds the sums of segments in their order, whichever threads computed them.
void add_segments(const Call &call) {
    const FloatEnvironment environment;
    const Plan &plan = call.weights->plan;
    for (uint32_t i = 0; i < plan.segments; ++i)
        for (uint32_t b = 0; b < call.batch; ++b)
            call.y[b * call.y_stride + plan.segment[i].row] +=
                call.sums()[static_cast<size_t>(i) * call.batch + b];
}

void run(const CpuBackend &backend, uint32_t count, densq_task_fn task, Call *call) {
    if (backend.parallel && count > 1)
        backend.parallel(backend.parallel_user, count, task, call);
    else
        task(call, 0, count);
}

// Multiplies at most vectors_at_once vectors.  The workspace is aligned.
void multiply_at_once(const CpuWeights *weights, const Operands &operands) {
    Call call = {operands, weights, lay_out_workspace(weights, operands.batch),
                 static_cast<uint8_t *>(operands.workspace)};

    const CpuBackend &backend = weights->cpu();
    const uint32_t max_batch = call.kernels().max_batch;
    run(backend, call.batch / max_batch + (call.batch % max_batch != 0), prepare_sets, &call);
    run(backend, weights->plan.chunks, multiply_chunks, &call);
    add_segments(call);
}

}  // namespace

size_t workspace_size(const CpuWeights *weights, uint32_t batch) {
    const uint32_t most = vectors_at_once(weights);
    const uint64_t bytes =
        lay_out_workspace(weights, batch < most ? batch : most).bytes + kAlign - 1;
    return bytes <= SIZE_MAX ? static_cast<size_t>(bytes) : 0;
}

void matmul(const CpuWeights *weights, const Operands &operands) {
    const uint32_t most = vectors_at_once(weights);
    Operands part = operands;
    part.workspace = align_up(operands.workspace, kAlign);
    for (uint32_t left = operands.batch; left > 0; left -= part.batch) {
        part.batch = left < most ? left : most;
        multiply_at_once(weights, part);
        part.x += part.batch * part.x_stride;
        part.y += part.batch * part.y_stride;
    }
}

}  // namespace densq
