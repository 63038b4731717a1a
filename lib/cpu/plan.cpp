// SPDX-License-Identifier: MIT
#include "lib/cpu/plan.hpp"

#include "densq/layout.h"

namespace densq {
namespace {

constexpr uint64_t kChunkBytes = 32 * 1024;
constexpr uint32_t kMaxChunks = 4096;
constexpr uint64_t kNonzeroBytes = 16;  // what one nonzero costs, in bytes of codes

uint32_t row_nnz(const Matrix &matrix, uint32_t row) {
    return matrix.row_ptr ? matrix.row_ptr[row + 1] - matrix.row_ptr[row] : 0;
}

uint64_t tile_work(const Matrix &matrix, uint32_t tile) {
    const uint32_t rows = densq_tile_rows(matrix.rows, tile);
    uint64_t work = densq_tile_bytes(rows, matrix.cols, matrix.bits);
    for (uint32_t r = 0; r < rows; ++r) {
        const uint32_t nnz = row_nnz(matrix, tile * DENSQ_TILE_ROWS + r);
        if (nnz <= kHeavyRow) work += nnz * kNonzeroBytes;
    }
    return work;
}

uint64_t segment_work(const Segment &segment) {
    return (segment.end - segment.begin) * kNonzeroBytes;
}

}  // namespace

Plan measure_plan(const Matrix &matrix) {
    Plan plan = {};
    plan.tiles = densq_tile_count(matrix.rows);
    uint64_t work = 0;
    for (uint32_t tile = 0; tile < plan.tiles; ++tile) work += tile_work(matrix, tile);
    for_each_segment<kHeavyRow>(matrix.row_ptr, matrix.rows, [&](const Segment &segment) {
        ++plan.segments;
        work += segment_work(segment);
    });
    const uint64_t items = static_cast<uint64_t>(plan.tiles) + plan.segments;
    uint64_t chunks = work / kChunkBytes + 1;
    if (chunks > kMaxChunks) chunks = kMaxChunks;
    plan.chunks = static_cast<uint32_t>(chunks < items ? chunks : items);
    return plan;
}

void make_plan(const Matrix &matrix, Plan *plan) {
    uint32_t count = 0;
    uint64_t total = 0;
    for_each_segment<kHeavyRow>(matrix.row_ptr, matrix.rows, [&](const Segment &segment) {
        plan->segment[count++] = segment;
        total += segment_work(segment);
    });
    for (uint32_t tile = 0; tile < plan->tiles; ++tile) total += tile_work(matrix, tile);

    // Chunk k ends with the item that brings the work done to (k + 1) / chunks of the total; each
    // takes at least one item and leaves at least one for every later chunk.
    const uint32_t items = plan->tiles + plan->segments;
    uint32_t item = 0;
    uint64_t done = 0;
    for (uint32_t chunk = 0; chunk < plan->chunks; ++chunk) {
        plan->chunk_begin[chunk] = item;
        const uint32_t later = plan->chunks - chunk - 1;
        const uint64_t goal = total / plan->chunks * (chunk + 1);
        do {
            done += item < plan->tiles ? tile_work(matrix, item)
                                       : segment_work(plan->segment[item - plan->tiles]);
            ++item;
        } while (items - item > later && (done < goal || later == 0));
    }
    plan->chunk_begin[plan->chunks] = items;
}

}  // namespace densq
