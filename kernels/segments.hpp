// SPDX-License-Identifier: MIT
// segments.hpp - how a row that has most of a matrix's nonzeros is shared: cut into segments.
#pragma once
#include <stdint.h>

namespace densq {

struct Segment {
    uint32_t row;
    uint32_t begin, end;  // nonzeros
};

// Calls visit(segment) for each segment of the rows with more than `size` nonzeros, in order.  All
// segments of a row but its last have `size` nonzeros.  row_ptr[rows + 1] may be NULL: no nonzeros.
template <uint32_t size, typename Visit>
static void for_each_segment(const uint32_t *row_ptr, uint32_t rows, Visit visit) {
    if (!row_ptr) return;
    for (uint32_t row = 0; row < rows; ++row) {
        uint32_t begin = row_ptr[row];
        const uint32_t end = row_ptr[row + 1];
        if (end - begin <= size) continue;
        for (; end - begin > size; begin += size) visit(Segment{row, begin, begin + size});
        visit(Segment{row, begin, end});
    }
}

}  // namespace densq
