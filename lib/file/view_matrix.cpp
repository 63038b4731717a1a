// SPDX-License-Identifier: MIT
#include "lib/file/file.hpp"
#include "lib/file/sections.hpp"

namespace densq {

Matrix view_matrix(const densq_file *file, uint32_t index) {
    const densq_matrix_record &record = file->directory.matrices[index];
    const densq_sections sections = sections_in_file(record);
    const uint8_t *bytes = file->bytes.data;
    Matrix matrix = {};
    matrix.rows = record.rows;
    matrix.cols = record.cols;
    matrix.bits = record.bits;
    matrix.codes = bytes + sections.codes.offset;
    matrix.lut = reinterpret_cast<const uint16_t *>(bytes + sections.lut.offset);
    if (!record.nnz) return matrix;
    matrix.row_ptr = reinterpret_cast<const uint32_t *>(bytes + sections.row_ptr.offset);
    matrix.col = bytes + sections.col.offset;
    matrix.val = reinterpret_cast<const uint16_t *>(bytes + sections.val.offset);
    return matrix;
}

}  // namespace densq
