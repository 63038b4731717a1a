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

// The workspace, all vectors of the batch in each part:
//   prepared activations | their scales | activations by column, where the sparse part needs them |
//   sums of heavy segments [segments][batch]
struct Workspace {
    uint64_t vector_bytes;  // of one prepared vector, a multiple of kAlign
    uint64_t vector_scales;
    bool by_column;
    uint64_t scales_at, columns_at, sums_at;
    uint64_t bytes;
};

Workspace lay_out_workspace(const CpuWeights *weights, uint32_t batch) {
    const uint32_t cols = weights->matrix.cols;
    const bool fast = weights->cpu().precision == DENSQ_FAST;
    Workspace space;
    space.vector_bytes = prepared_cols(cols) * (fast ? sizeof(int16_t) : sizeof(float));
    space.vector_scales = span_count(cols);
    space.scales_at = space.vector_bytes * batch;
    space.by_column = weights->matrix.row_ptr && batch > 1;
    space.columns_at = space.scales_at + space.vector_scales * batch * sizeof(float);
    const uint64_t columns = space.by_column ? static_cast<uint64_t>(cols) * batch : 0;
    space.sums_at = space.columns_at + columns * sizeof(float);
    space.bytes =
        space.sums_at + static_cast<uint64_t>(weights->plan.segments) * batch * sizeof(float);
    return space;
}

// The number of vectors that are multiplied together.  With more of them, activations and outputs
// would not stay in the second-level cache from one tile to the next; that costs more time than to
// read the codes again for the next vectors.
uint32_t vectors_at_once(const CpuWeights *weights) {
    const uint32_t max_batch = weights->cpu().table->max_batch;
    const uint32_t set_bytes = weights->matrix.cols * max_batch * sizeof(float);
    return max_batch * (set_bytes < kVectorsBytes ? kVectorsBytes / set_bytes : 1);
}

// A multiplication of at most vectors_at_once vectors.
struct Call : Operands {
    const CpuWeights *weights;
    Workspace space;
    uint8_t *prepared;
    float *scale;
    float *columns;
    float *sums;

    const KernelTable *table() const { return weights->cpu().table; }
    const PrecisionKernels &kernels() const { return *weights->cpu().kernels; }
};

// The vectors of a call from number `first` on: as many as the kernels can take.
Activations activations_from(const Call &call, uint32_t first) {
    uint32_t count = call.table()->max_batch;
    while (count > call.batch - first) count /= 2;
    Activations activations;
    activations.count = count;
    activations.x = call.x + first * call.x_stride;
    activations.x_stride = call.x_stride;
    activations.prepared = call.prepared + first * call.space.vector_bytes;
    activations.scale = call.scale + first * call.space.vector_scales;
    activations.columns = activations.x;
    if (call.space.by_column && count > 1)
        activations.columns = call.columns + static_cast<size_t>(first) * call.weights->matrix.cols;
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
    const uint32_t max_batch = call.table()->max_batch;
    const uint64_t last = static_cast<uint64_t>(end) * max_batch;
    const uint32_t end_vector = last < call.batch ? static_cast<uint32_t>(last) : call.batch;
    for (uint32_t first = begin * max_batch; first < end_vector;) {
        const Activations activations = activations_from(call, first);
        call.kernels().prepare(&activations, matrix.cols, matrix.bits);
        if (activations.columns != activations.x)
            arrange_by_column(activations, matrix.cols,
                              call.columns + static_cast<size_t>(first) * matrix.cols);
        first += activations.count;
    }
}

void multiply_item(const Call &call, const Activations &activations, uint32_t first,
                   uint32_t item) {
    const Matrix &matrix = call.weights->matrix;
    const Plan &plan = call.weights->plan;
    if (item < plan.tiles) {
        const MultiplyTile multiply = at_width(call.kernels().multiply_tile, matrix.bits);
        multiply(&matrix, &activations, item, call.y + first * call.y_stride, call.y_stride);
    } else {
        const uint32_t index = item - plan.tiles;
        const Segment &segment = plan.segment[index];
        float *sums = call.sums + static_cast<size_t>(index) * call.batch;
        call.table()->sparse_segment(&matrix, &activations, segment.begin, segment.end,
                                     sums + first, 1);
    }
}

void multiply_chunks(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    const Call &call = *static_cast<const Call *>(arg);
    const uint32_t *chunk_begin = call.weights->plan.chunk_begin;
    for (uint32_t item = chunk_begin[begin]; item < chunk_begin[end]; ++item) {
        for (uint32_t first = 0; first < call.batch;) {
            const Activations activations = activations_from(call, first);
            multiply_item(call, activations, first, item);
            first += activations.count;
        }
    }
}

// Adds the sums of segments in their order, whichever threads computed them.
void add_segments(const Call &call) {
    const FloatEnvironment environment;
    const Plan &plan = call.weights->plan;
    for (uint32_t i = 0; i < plan.segments; ++i)
        for (uint32_t b = 0; b < call.batch; ++b)
            call.y[b * call.y_stride + plan.segment[i].row] +=
                call.sums[static_cast<size_t>(i) * call.batch + b];
}

void run(const CpuBackend &backend, uint32_t count, densq_task_fn task, Call *call) {
    if (backend.parallel && count > 1)
        backend.parallel(backend.parallel_user, count, task, call);
    else
        task(call, 0, count);
}

// Multiplies at most vectors_at_once vectors.  The workspace is aligned.
void multiply_at_once(const CpuWeights *weights, const Operands &operands) {
    auto *base = static_cast<uint8_t *>(operands.workspace);
    const Workspace space = lay_out_workspace(weights, operands.batch);
    Call call = {operands,
                 weights,
                 space,
                 base,
                 reinterpret_cast<float *>(base + space.scales_at),
                 reinterpret_cast<float *>(base + space.columns_at),
                 reinterpret_cast<float *>(base + space.sums_at)};

    const CpuBackend &backend = weights->cpu();
    const uint32_t max_batch = backend.table->max_batch;
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
