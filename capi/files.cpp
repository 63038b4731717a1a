// SPDX-License-Identifier: MIT
// files.cpp - the functions of densq.h on files: they check arguments and call lib/.
#include <string.h>

#include "densq/densq.h"
#include "lib/base/caller_struct.hpp"
#include "lib/base/fault.hpp"
#include "lib/file/file.hpp"

using namespace densq;

namespace {

densq_status fail_argument(densq_fault *fault, const char *why) {
    return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, why);
}

densq_status read_options(OpenOptions *out, const densq_open_options *theirs, densq_fault *fault) {
    densq_open_options options;
    const densq_status status = read_struct(&options, theirs, "options", fault);
    if (status) return status;
    if (options.flags & ~static_cast<uint32_t>(DENSQ_OPEN_COPY | DENSQ_OPEN_SKIP_CHECKSUM))
        return fail_argument(fault, "options->flags has a bit that is not in densq_open_flags");
    out->max_bytes = options.max_bytes;
    out->copy = options.flags & DENSQ_OPEN_COPY;
    out->skip_checksum = options.flags & DENSQ_OPEN_SKIP_CHECKSUM;
    if (!read_allocator(&out->allocator, options))
        return fail_argument(fault, "options has one of alloc and free without the other");
    return DENSQ_OK;
}

bool has_entry(const densq_file *file, densq_kind kind, uint32_t index) {
    return file && index < count_entries(file->directory, kind);
}

// Whether `count` rows from `row` on exist, and all of `out` is in the address space.
bool rows_fit(const Matrix &matrix, uint32_t row, uint32_t count, size_t out_stride) {
    if (row > matrix.rows || count > matrix.rows - row || out_stride < matrix.cols) return false;
    return !count || out_stride <= SIZE_MAX / sizeof(float) / count;
}

}  // namespace

extern "C" {

densq_status densq_open_path(densq_file **out, const char *path, const densq_open_options *options,
                             densq_fault *fault) {
    if (out) *out = nullptr;
    if (!out || !path) return fail_argument(fault, out ? "path is NULL" : "out is NULL");
    OpenOptions mine;
    const densq_status status = read_options(&mine, options, fault);
    return status ? status : open_path(out, path, mine, fault);
}

densq_status densq_open_memory(densq_file **out, const void *bytes, size_t size,
                               const densq_open_options *options, densq_fault *fault) {
    if (out) *out = nullptr;
    if (!out || !bytes) return fail_argument(fault, out ? "bytes is NULL" : "out is NULL");
    OpenOptions mine;
    const densq_status status = read_options(&mine, options, fault);
    return status ? status : open_memory(out, bytes, size, mine, fault);
}

void densq_close(densq_file **file) {
    if (!file || !*file) return;
    close_file(*file);
    *file = nullptr;
}

uint32_t densq_count(const densq_file *file, densq_kind kind) {
    return file ? count_entries(file->directory, kind) : 0;
}

densq_status densq_find(const densq_file *file, densq_kind kind, const char *name,
                        uint32_t *index) {
    if (index) *index = 0;
    if (!file || !name || !index) return DENSQ_ERR_ARGUMENT;
    const uint32_t found = find_entry(file->directory, kind, name_of(name));
    if (found == kNotFound) return DENSQ_ERR_NOT_FOUND;
    *index = found;
    return DENSQ_OK;
}

densq_status densq_get_metadata(const densq_file *file, uint32_t index, densq_metadata *out) {
    if (!has_entry(file, DENSQ_METADATA, index) || !out || check_output(out))
        return DENSQ_ERR_ARGUMENT;
    const densq_metadata_record &record = file->directory.metadata[index];
    const Name key = entry_name(file->directory, DENSQ_METADATA, index);
    densq_metadata mine = {};
    mine.key = key.bytes;
    mine.key_bytes = key.size;
    mine.value = reinterpret_cast<const char *>(file->bytes.data + record.offset);
    mine.value_bytes = static_cast<size_t>(record.value_bytes);
    write_struct(out, mine);
    return DENSQ_OK;
}

densq_status densq_get_matrix(const densq_file *file, uint32_t index, densq_matrix *out) {
    if (!has_entry(file, DENSQ_MATRIX, index) || !out || check_output(out))
        return DENSQ_ERR_ARGUMENT;
    const densq_matrix_record &record = file->directory.matrices[index];
    const Name name = entry_name(file->directory, DENSQ_MATRIX, index);
    densq_matrix mine = {};
    mine.name = name.bytes;
    mine.name_bytes = name.size;
    mine.rows = record.rows;
    mine.cols = record.cols;
    mine.bits = record.bits;
    mine.nnz = record.nnz;
    mine.bytes = record.bytes;
    write_struct(out, mine);
    return DENSQ_OK;
}

densq_status densq_get_tensor(const densq_file *file, uint32_t index, densq_tensor *out) {
    if (!has_entry(file, DENSQ_TENSOR, index) || !out || check_output(out))
        return DENSQ_ERR_ARGUMENT;
    const densq_tensor_record &record = file->directory.tensors[index];
    const Name name = entry_name(file->directory, DENSQ_TENSOR, index);
    densq_tensor mine = {};
    mine.name = name.bytes;
    mine.name_bytes = name.size;
    mine.dtype = record.dtype;
    mine.dimensions = record.dimensions;
    memcpy(mine.shape, record.shape, sizeof mine.shape);
    mine.data = file->bytes.data + record.offset;
    mine.bytes = record.bytes;
    write_struct(out, mine);
    return DENSQ_OK;
}

densq_status densq_read_rows(const densq_file *file, uint32_t index, uint32_t row, uint32_t count,
                             float *out, size_t out_stride) {
    if (!has_entry(file, DENSQ_MATRIX, index) || !out) return DENSQ_ERR_ARGUMENT;
    const Matrix matrix = view_matrix(file, index);
    if (!rows_fit(matrix, row, count, out_stride)) return DENSQ_ERR_ARGUMENT;
    read_rows(matrix, row, count, out, out_stride);
    return DENSQ_OK;
}
}
