// SPDX-License-Identifier: MIT
// prove_records.cpp - the records of the directory, their names, and that the sections they
// describe fill the file without a hole.
#include "densq/layout.h"
#include "lib/base/checked.hpp"
#include "lib/file/prove.hpp"
#include "lib/file/utf8.hpp"

namespace densq {
namespace {

// Where the next name and the next section must begin.
struct Cursor {
    uint64_t name;
    uint64_t section;
};

// An unsigned field of a record.
struct Field {
    const char *name;
    const void *at;
    uint64_t value;
};

densq_status fail_value(const Proof &proof, const Subject &subject, const Field &field,
                        uint64_t expected, const char *why) {
    return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(field.at), subject, ": ",
                field.name, " is ", field.value, ", not ", expected, why);
}

// `above`: the error for a value above `high`.  It is DENSQ_ERR_LIMIT if that limit may be raised
// in a later version.
densq_status prove_range(const Proof &proof, const Subject &subject, const Field &field,
                         uint64_t low, uint64_t high, densq_error above) {
    if (field.value >= low && field.value <= high) return DENSQ_OK;
    return fail(proof.fault, field.value > high ? above : DENSQ_ERR_CORRUPT,
                proof.offset_of(field.at), subject, ": ", field.name, " is ", field.value,
                ", not in ", low, "..", high);
}

densq_status prove_reserved(const Proof &proof, const Subject &subject, const void *reserved,
                            uint64_t size) {
    const auto *bytes = static_cast<const uint8_t *>(reserved);
    const uint64_t at = find_nonzero(bytes, size);
    if (at == size) return DENSQ_OK;
    return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(bytes + at), subject,
                ": a reserved byte of its record is not zero");
}

densq_status prove_offset(const Proof &proof, const Subject &subject, const uint64_t &offset,
                          const Cursor &cursor) {
    if (offset == cursor.section) return DENSQ_OK;
    return fail_value(proof, subject, {"offset", &offset, offset}, cursor.section,
                      ", where the section before ends");
}

// Moves the cursor behind `bytes` and their padding, if the file is that long.
densq_status prove_fits(const Proof &proof, const Subject &subject, const uint64_t &bytes,
                        Cursor *cursor) {
    const uint64_t begin = cursor->section;
    const uint64_t end = checked_align(checked_add(begin, bytes), DENSQ_ALIGNMENT);
    if (end > proof.size)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(&bytes), subject, ": its ",
                    bytes, " bytes at ", begin, " exceed the file's ", proof.size);
    cursor->section = end;
    return DENSQ_OK;
}

densq_status prove_bytes(const Proof &proof, const Subject &subject, const uint64_t &bytes,
                         uint64_t expected, Cursor *cursor) {
    if (bytes == expected) return prove_fits(proof, subject, bytes, cursor);
    return fail_value(proof, subject, {"bytes", &bytes, bytes}, expected,
                      ", as its shape requires");
}

// Proves that a name lies where the cursor stands and is legal text; moves the cursor behind it.
template <typename Record>
densq_status prove_name(const Proof &proof, densq_kind kind, uint32_t index, const Record &record,
                        Cursor *cursor) {
    const char *what = kind_name(kind);
    const uint64_t names_size = proof.directory.header->name_bytes;
    if (record.name_offset != cursor->name)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(&record.name_offset), what, " ",
                    index, ": name_offset is ", record.name_offset, ", not ", cursor->name,
                    ", where the name before ends");
    if (record.name_bytes < 1 || record.name_bytes > DENSQ_MAX_NAME_BYTES)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(&record.name_bytes), what, " ",
                    index, ": name_bytes is ", record.name_bytes, ", not in 1..",
                    DENSQ_MAX_NAME_BYTES);
    if (record.name_bytes > names_size - record.name_offset)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(&record.name_bytes), what, " ",
                    index, ": its name ends behind the ", names_size, " bytes of names");
    const Name name = {proof.directory.names + record.name_offset, record.name_bytes};
    const size_t valid = utf8_prefix(name.bytes, name.size);
    if (valid != name.size)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(name.bytes + valid), what, " ",
                    index, ": its name ", name, " is not UTF-8");
    const size_t control = find_control(name.bytes, name.size);
    if (control != name.size)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(name.bytes + control), what,
                    " ", index, ": its name ", name, " has a control character");
    cursor->name += record.name_bytes;
    return DENSQ_OK;
}

densq_status prove_order(const Proof &proof, densq_kind kind, uint32_t index) {
    if (!index) return DENSQ_OK;
    const Name before = entry_name(proof.directory, kind, index - 1);
    const Name name = entry_name(proof.directory, kind, index);
    const int order = compare_names(before, name);
    if (order < 0) return DENSQ_OK;
    return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(name.bytes), kind_name(kind), " ",
                index, ": its name ", name, order ? " sorts before " : " is the same as ", before,
                ", that of the entry before");
}

densq_status prove_record(const Proof &proof, const Subject &subject,
                          const densq_metadata_record &record, Cursor *cursor) {
    densq_status status = prove_reserved(proof, subject, &record.reserved, sizeof record.reserved);
    if (!status)
        status =
            prove_range(proof, subject, {"value_bytes", &record.value_bytes, record.value_bytes}, 0,
                        DENSQ_MAX_VALUE_BYTES, DENSQ_ERR_LIMIT);
    if (!status) status = prove_offset(proof, subject, record.offset, *cursor);
    if (!status) status = prove_fits(proof, subject, record.value_bytes, cursor);
    return status;
}

densq_status prove_record(const Proof &proof, const Subject &subject,
                          const densq_matrix_record &record, Cursor *cursor) {
    densq_status status = prove_reserved(proof, subject, record.reserved, sizeof record.reserved);
    if (!status)
        status = prove_range(proof, subject, {"rows", &record.rows, record.rows}, 1,
                             DENSQ_MAX_DIMENSION, DENSQ_ERR_LIMIT);
    if (!status)
        status = prove_range(proof, subject, {"cols", &record.cols, record.cols}, 1,
                             DENSQ_MAX_DIMENSION, DENSQ_ERR_LIMIT);
    if (!status)
        status = prove_range(proof, subject, {"bits", &record.bits, record.bits}, DENSQ_MIN_BITS,
                             DENSQ_MAX_BITS, DENSQ_ERR_CORRUPT);
    if (!status) status = prove_offset(proof, subject, record.offset, *cursor);
    if (status) return status;
    const densq_sections sections =
        densq_place_sections(record.rows, record.cols, record.bits, record.nnz);
    return prove_bytes(proof, subject, record.bytes, sections.bytes, cursor);
}

// Computes the number of values; it is 1 if there are no dimensions.
densq_status prove_shape(const Proof &proof, const Subject &subject,
                         const densq_tensor_record &record, uint64_t *elements) {
    densq_status status =
        prove_range(proof, subject, {"dimensions", &record.dimensions, record.dimensions}, 0,
                    DENSQ_MAX_TENSOR_DIMENSIONS, DENSQ_ERR_CORRUPT);
    if (status) return status;
    *elements = 1;
    for (uint32_t i = 0; i < DENSQ_MAX_TENSOR_DIMENSIONS; ++i) {
        const bool used = i < record.dimensions;
        if (used != (record.shape[i] != 0))
            return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(&record.shape[i]), subject,
                        ": shape[", i, "] is ", record.shape[i], " in a tensor of ",
                        record.dimensions, " dimensions");
        if (used) *elements = checked_mul(*elements, record.shape[i]);
    }
    return prove_range(proof, subject, {"the number of values", record.shape, *elements}, 1,
                       DENSQ_MAX_TENSOR_ELEMENTS, DENSQ_ERR_LIMIT);
}

densq_status prove_record(const Proof &proof, const Subject &subject,
                          const densq_tensor_record &record, Cursor *cursor) {
    uint64_t elements = 0;
    densq_status status = prove_reserved(proof, subject, record.reserved, sizeof record.reserved);
    if (!status)
        status = prove_range(proof, subject, {"dtype", &record.dtype, record.dtype}, DENSQ_F32,
                             DENSQ_BF16, DENSQ_ERR_CORRUPT);
    if (!status) status = prove_shape(proof, subject, record, &elements);
    if (!status) status = prove_offset(proof, subject, record.offset, *cursor);
    if (status) return status;
    const uint64_t bytes = checked_mul(elements, record.dtype == DENSQ_F32 ? 4 : 2);
    return prove_bytes(proof, subject, record.bytes, bytes, cursor);
}

template <typename Record>
densq_status prove_kind(const Proof &proof, densq_kind kind, const Record *records,
                        Cursor *cursor) {
    const uint32_t count = count_entries(proof.directory, kind);
    for (uint32_t i = 0; i < count; ++i) {
        densq_status status = prove_name(proof, kind, i, records[i], cursor);
        if (!status) status = prove_order(proof, kind, i);
        if (!status) status = prove_record(proof, proof.subject(kind, i), records[i], cursor);
        if (status) return status;
    }
    return DENSQ_OK;
}

// Proves that no matrix and tensor have the same name.  Both kinds are sorted.
densq_status prove_unique(const Proof &proof) {
    const uint32_t matrices = count_entries(proof.directory, DENSQ_MATRIX);
    const uint32_t tensors = count_entries(proof.directory, DENSQ_TENSOR);
    for (uint32_t m = 0, t = 0; m < matrices && t < tensors;) {
        const Name name = entry_name(proof.directory, DENSQ_TENSOR, t);
        const int order = compare_names(entry_name(proof.directory, DENSQ_MATRIX, m), name);
        if (order == 0)
            return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(name.bytes), "tensor ", t,
                        ": its name ", name, " is also that of matrix ", m);
        if (order < 0)
            ++m;
        else
            ++t;
    }
    return DENSQ_OK;
}

}  // namespace

densq_status prove_records(const Proof &proof) {
    const Directory &directory = proof.directory;
    const uint64_t names_size = directory.header->name_bytes;
    const uint64_t names_end = checked_add(proof.offset_of(directory.names), names_size);
    Cursor cursor = {0, checked_align(names_end, DENSQ_ALIGNMENT)};
    densq_status status = prove_kind(proof, DENSQ_METADATA, directory.metadata, &cursor);
    if (!status) status = prove_kind(proof, DENSQ_MATRIX, directory.matrices, &cursor);
    if (!status) status = prove_kind(proof, DENSQ_TENSOR, directory.tensors, &cursor);
    if (!status) status = prove_unique(proof);
    if (status) return status;
    if (cursor.name != names_size)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(&directory.header->name_bytes),
                    "header: name_bytes is ", names_size, ", the names have ", cursor.name);
    if (cursor.section != proof.size)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, cursor.section,
                    "the last section ends at byte ", cursor.section, " of ", proof.size);
    return DENSQ_OK;
}

}  // namespace densq
