// SPDX-License-Identifier: MIT
// plan.hpp - cuts a matrix's work into chunks of about equal size.
//
// An item is a tile, or a segment of the nonzeros of a heavy row (kernels/table.hpp).  Items are
// numbered: first the tiles, then the segments.  A chunk is a run of items.  The number of threads
// changes no bit of a result, because the plan depends on the matrix alone, and because the sums of
// a row are always added in the same order.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "kernels/segments.hpp"
#include "kernels/table.hpp"

namespace densq {

struct Plan {
    uint32_t tiles;
    uint32_t segments;
    uint32_t chunks;
    Segment *segment;       // [segments], rows ascending
    uint32_t *chunk_begin;  // [chunks + 1], items
};

// Computes the counts.  Then the pointers must be set to memory of these sizes.
Plan measure_plan(const Matrix &matrix);
// Fills the memory that the pointers point to.
void make_plan(const Matrix &matrix, Plan *plan);

}  // namespace densq
