// SPDX-License-Identifier: MIT
// plan.hpp - cuts a matrix's work into chunks of about equal size.
//
// An item is a tile, or a segment of the nonzeros of a heavy row (kernels/table.hpp).  Items are
// numbered: first the tiles, then the segments.  A chunk is a run of items.  The plan depends on
// the matrix alone, which is one half of why the number of threads does not change any bit of a
// result; the other half is that a row's sums are added in one order.
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

// Fills in the counts and leaves the pointers to be set to memory of those sizes.
Plan measure_plan(const Matrix &matrix);
// Fills in what the pointers point to.
void make_plan(const Matrix &matrix, Plan *plan);

}  // namespace densq
