// SPDX-License-Identifier: MIT
// sections.hpp - where the sections of a matrix lie: a function of its shape alone.
#pragma once
#include <stdint.h>

#include "densq/format.h"

namespace densq {

struct Section {
    uint64_t offset;  // from the start of the file
    uint64_t bytes;   // without padding; 0: absent
};

struct MatrixSections {
    Section lut, codes, row_ptr, col, val;
    uint64_t bytes;  // of all with their padding; kTooLarge if that exceeds 64 bits
};

// rows, cols and bits must be within their limits.
MatrixSections matrix_sections(const densq_matrix_record &record);

}  // namespace densq
