// SPDX-License-Identifier: MIT
// matmul.cpp - a multiplication: prepare the activations, run the chunks of all matrices' plans,
// add what heavy rows left in the workspace.
#include "lib/base/dtype.hpp"
#include "lib/base/float_environment.hpp"
#include "lib/cpu/call.hpp"

namespace densq {
namespace {

constexpr size_t kAlign = 64;

uint32_t min(uint32_t a, uint32_t b) { return a < b ? a : b; }
uint32_t max(uint32_t a, uint32_t b) { return a > b ? a : b; }

void multiply_tiles(const Call &call, const Part &part, const Activations &activations,
                    uint32_t first, const Tiles &tiles) {
    const Matrix &matrix = part.weights->matrix;
    const MultiplyTiles multiply = at_width(call.kernels().multiply_tiles, matrix.bits);
    multiply(&matrix, &activations, &tiles, part.y + first * part.y_stride, part.y_stride);
}

void multiply_segment(const Call &call, const Part &part, const Activations &activations,
                      uint32_t first, uint32_t index) {
    const Segment &segment = part.weights->plan.segment[index];
    float *sums = part.sums + static_cast<size_t>(index) * call.batch;
    call.kernels().sparse_segment(&part.weights->matrix, &activations, segment.begin, segment.end,
                                  sums + first, 1);
}

// How many of the items [item, end) are multiplied together: tiles whose codes are read side by
// side.  A batch reads the codes of a tile several times, so that they should stay in the cache.
uint32_t tiles_together(const Call &call, const Plan &plan, uint32_t item, uint32_t end) {
    const uint32_t end_tile = min(end, plan.tiles);
    return item < end_tile && call.batch == 1 ? min(end_tile - item, call.backend().reading.tiles)
                                              : 1;
}

void multiply_items(const Call &call, const Part &part, uint32_t begin, uint32_t end) {
    const Plan &plan = part.weights->plan;
    for (uint32_t item = begin; item < end;) {
        const uint32_t count = tiles_together(call, plan, item, end);
        for (uint32_t first = 0; first < call.batch;) {
            const Activations activations =
                activations_from(call, part.weights->matrix.bits, first);
            if (item < plan.tiles)
                multiply_tiles(call, part, activations, first,
                               {item, count, call.backend().reading.prefetch_bytes});
            else
                multiply_segment(call, part, activations, first, item - plan.tiles);
            first += activations.count;
        }
        item += count;
    }
}

void multiply_chunks(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    const Call &call = *static_cast<const Call *>(arg);
    for_each_part(call, [&](const Part &part) {
        const Plan &plan = part.weights->plan;
        const uint32_t from = max(begin, part.first_chunk);
        const uint32_t to = min(end, part.first_chunk + plan.chunks);
        if (from < to)
            multiply_items(call, part, plan.chunk_begin[from - part.first_chunk],
                           plan.chunk_begin[to - part.first_chunk]);
        return to < end;
    });
}

// Adds the sums of segments in their order, whichever threads computed them.
void add_segments(const Call &call, const Part &part, uint32_t vector) {
    const Plan &plan = part.weights->plan;
    for (uint32_t i = 0; i < plan.segments; ++i)
        part.y[vector * part.y_stride + plan.segment[i].row] +=
            part.sums[static_cast<size_t>(i) * call.batch + vector];
}

// Finishes the outputs of vectors.
void finish_vectors(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    const Call &call = *static_cast<const Call *>(arg);
    for_each_part(call, [&](const Part &part) {
        const densq_product &product = *part.product;
        for (uint32_t b = begin; b < end; ++b) {
            add_segments(call, part, b);
            if (!call.y_is_f32())
                write_floats(element_at(product.y, call.operands.y_dtype,
                                        (call.first + b) * product.y_stride),
                             call.operands.y_dtype, part.y + b * part.y_stride, part.weights->rows);
        }
        return true;
    });
}

uint32_t chunk_count(const Call &call) {
    uint32_t chunks = 0;
    for_each_part(call, [&](const Part &part) {
        chunks += part.weights->plan.chunks;
        return true;
    });
    return chunks;
}

void run(const CpuBackend &backend, uint32_t count, densq_task_fn task, Call *call) {
    if (backend.parallel && count > 1)
        backend.parallel(backend.parallel_user, count, task, call);
    else
        task(call, 0, count);
}

// Multiplies at most vectors_at_once vectors.
void multiply_at_once(Call *call) {
    const CpuBackend &backend = call->backend();
    const uint32_t max_batch = call->kernels().max_batch;
    run(backend, (call->batch - 1) / max_batch + 1, prepare_sets, call);
    run(backend, chunk_count(*call), multiply_chunks, call);
    if (call->y_is_f32())
        finish_vectors(call, 0, call->batch);
    else
        run(backend, call->batch, finish_vectors, call);
}

}  // namespace

size_t workspace_size(const Operands &operands) {
    const uint32_t batch = min(operands.batch, vectors_at_once(operands));
    const uint64_t bytes = lay_out_workspace(operands, batch).bytes + kAlign - 1;
    return bytes <= SIZE_MAX ? static_cast<size_t>(bytes) : 0;
}

void matmul(const Operands &operands) {
    const uint32_t most = vectors_at_once(operands);
    for (uint32_t first = 0; first < operands.batch;) {
        const uint32_t batch = min(operands.batch - first, most);
        Call call = {operands, first, batch, lay_out_workspace(operands, batch),
                     align_up(operands.workspace, kAlign)};
        multiply_at_once(&call);
        first += batch;
    }
}

}  // namespace densq
