// SPDX-License-Identifier: MIT
// sections.hpp - where the sections of a matrix lie in its file.
#pragma once
#include "densq/layout.h"

namespace densq {

// Like densq_place_sections, with offsets from the start of the file.  The rows, cols, bits and
// offset of the record must be proved.
inline densq_sections sections_in_file(const densq_matrix_record &record) {
    densq_sections sections =
        densq_place_sections(record.rows, record.cols, record.bits, record.nnz);
    densq_section *const all[] = {&sections.lut, &sections.codes, &sections.row_ptr, &sections.col,
                                  &sections.val};
    for (densq_section *section : all) section->offset += record.offset;
    return sections;
}

}  // namespace densq
