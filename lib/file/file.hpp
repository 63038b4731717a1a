// SPDX-License-Identifier: MIT
// file.hpp - an open file: bytes that have been proved, and where in them everything lies.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"
#include "kernels/table.hpp"
#include "lib/base/alloc.hpp"
#include "lib/file/bytes.hpp"
#include "lib/file/directory.hpp"

struct densq_file {
    densq::Allocator allocator;
    densq::Bytes bytes;
    densq::Directory directory;
};

namespace densq {

struct OpenOptions {
    uint64_t max_bytes;  // 0: no limit
    bool copy;
    bool skip_checksum;
    Allocator allocator;
};

densq_status open_path(densq_file **out, const char *path, const OpenOptions &options,
                       densq_fault *fault);
densq_status open_memory(densq_file **out, const void *bytes, size_t size,
                         const OpenOptions &options, densq_fault *fault);
void close_file(densq_file *file);

// Finds the sections of a matrix.  integers and row_scale are NULL, and so is the sparse part if
// nnz is 0.
Matrix view_matrix(const densq_file *file, uint32_t index);

// Like densq_read_rows, with arguments that are checked.
void read_rows(const Matrix &matrix, uint32_t row, uint32_t count, float *out, size_t out_stride);

}  // namespace densq
