// SPDX-License-Identifier: MIT
#include "lib/sections.hpp"

#include "densq/layout.h"
#include "lib/checked.hpp"

namespace densq {
namespace {

// Places a section at *end and moves *end behind its padding.
Section place(uint64_t *end, uint64_t bytes) {
    const Section section = {*end, bytes};
    *end = checked_align(checked_add(*end, bytes), DENSQ_ALIGNMENT);
    return section;
}

}  // namespace

MatrixSections matrix_sections(const densq_matrix_record &record) {
    const uint64_t entries = checked_mul(record.rows, 1ull << record.bits);
    const uint64_t pointers = record.nnz ? checked_add(record.rows, 1) : 0;
    const uint64_t col_bytes = record.cols <= DENSQ_MAX_COLS_16 ? 2 : 4;
    uint64_t end = record.offset;
    MatrixSections sections;
    sections.lut = place(&end, checked_mul(entries, 2));
    sections.codes = place(&end, densq_codes_bytes(record.rows, record.cols, record.bits));
    sections.row_ptr = place(&end, checked_mul(pointers, 4));
    sections.col = place(&end, checked_mul(record.nnz, col_bytes));
    sections.val = place(&end, checked_mul(record.nnz, 2));
    sections.bytes = end == kTooLarge ? kTooLarge : end - record.offset;
    return sections;
}

}  // namespace densq
