// SPDX-License-Identifier: MIT
// prove_matrix.cpp - the sections of a matrix: LUT, codes and the sparse part.
#include "lib/file/prove.hpp"

namespace densq {
namespace {

template <typename T>
const T *section_begin(const Proof &proof, const densq_section &section) {
    return reinterpret_cast<const T *>(proof.bytes + section.offset);
}

constexpr uint16_t kExponent = 0x7C00;

bool finite(uint16_t half) { return (half & kExponent) != kExponent; }

// Reads blocks without a branch, so that the compiler can use vectors.
uint64_t find_nonfinite(const uint16_t *halves, uint64_t count) {
    constexpr uint64_t kBlock = 1024;
    uint64_t begin = 0;
    for (; count - begin >= kBlock; begin += kBlock) {
        uint16_t bad = 0;
        for (uint64_t i = 0; i < kBlock; ++i)
            bad = static_cast<uint16_t>(bad | !finite(halves[begin + i]));
        if (bad) break;
    }
    while (begin < count && finite(halves[begin])) ++begin;
    return begin;
}

densq_status prove_finite(const Proof &proof, const Subject &subject, const char *what,
                          const densq_section &section) {
    const auto *halves = section_begin<uint16_t>(proof, section);
    const uint64_t count = section.bytes / sizeof *halves;
    const uint64_t at = find_nonfinite(halves, count);
    if (at == count) return DENSQ_OK;
    return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(halves + at), subject, ": ", what,
                "[", at, "] is not finite (fp16 ", Hex{halves[at]}, ")");
}

densq_status prove_row_ptr(const Proof &proof, const Subject &subject,
                           const densq_matrix_record &record, const uint32_t *row_ptr) {
    if (row_ptr[0] != 0)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(row_ptr), subject,
                    ": row_ptr[0] is ", row_ptr[0], ", not 0");
    for (uint32_t row = 0; row < record.rows; ++row) {
        const uint32_t begin = row_ptr[row], end = row_ptr[row + 1];
        if (end < begin)
            return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(row_ptr + row + 1), subject,
                        ": row_ptr[", row + 1, "] is ", end, ", less than row_ptr[", row, "], ",
                        begin);
        if (end - begin > record.cols)
            return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(row_ptr + row + 1), subject,
                        ": row_ptr[", row + 1, "] is ", end, ", which gives row ", row, " ",
                        end - begin, " nonzeros in ", record.cols, " columns");
    }
    if (row_ptr[record.rows] != record.nnz)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(row_ptr + record.rows), subject,
                    ": row_ptr[", record.rows, "] is ", row_ptr[record.rows], ", not ", record.nnz,
                    ", the number of nonzeros");
    return DENSQ_OK;
}

template <typename Col>
densq_status fail_cols(const Proof &proof, const Subject &subject, const Col *col, uint32_t row,
                       uint32_t at, const char *why) {
    return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(col + at), subject, ": col[", at,
                "] is ", static_cast<uint64_t>(col[at]), why, row);
}

// The columns of a row increase strictly, so that only the last one can be too large.
template <typename Col>
densq_status prove_cols(const Proof &proof, const Subject &subject,
                        const densq_matrix_record &record, const uint32_t *row_ptr,
                        const Col *col) {
    for (uint32_t row = 0; row < record.rows; ++row) {
        const uint32_t begin = row_ptr[row], end = row_ptr[row + 1];
        if (begin == end) continue;
        for (uint32_t i = begin + 1; i < end; ++i)
            if (col[i] <= col[i - 1])
                return fail_cols(proof, subject, col, row, i, ", not above the one before in row ");
        if (col[end - 1] >= record.cols)
            return fail_cols(proof, subject, col, row, end - 1,
                             ", behind the last column, in row ");
    }
    return DENSQ_OK;
}

densq_status prove_sparse(const Proof &proof, const Subject &subject,
                          const densq_matrix_record &record, const densq_sections &sections) {
    const auto *row_ptr = section_begin<uint32_t>(proof, sections.row_ptr);
    densq_status status =
        prove_section(proof, subject, "row_ptr", sections.row_ptr, record.row_ptr_crc);
    if (!status) status = prove_row_ptr(proof, subject, record, row_ptr);
    if (!status) status = prove_section(proof, subject, "col", sections.col, record.col_crc);
    if (!status)
        status = record.cols <= DENSQ_MAX_COLS_16
                     ? prove_cols(proof, subject, record, row_ptr,
                                  section_begin<uint16_t>(proof, sections.col))
                     : prove_cols(proof, subject, record, row_ptr,
                                  section_begin<uint32_t>(proof, sections.col));
    if (!status) status = prove_section(proof, subject, "val", sections.val, record.val_crc);
    if (!status) status = prove_finite(proof, subject, "val", sections.val);
    return status;
}

}  // namespace

densq_status prove_matrix(const Proof &proof, uint32_t index) {
    const densq_matrix_record &record = proof.directory.matrices[index];
    const Subject subject = proof.subject(DENSQ_MATRIX, index);
    const densq_sections sections = sections_in_file(record);
    densq_status status = prove_section(proof, subject, "lut", sections.lut, record.lut_crc);
    if (!status) status = prove_finite(proof, subject, "lut", sections.lut);
    if (!status) status = prove_section(proof, subject, "codes", sections.codes, record.codes_crc);
    if (!status) status = prove_codes(proof, subject, record, sections.codes);
    if (!status && record.nnz) status = prove_sparse(proof, subject, record, sections);
    return status;
}

}  // namespace densq
