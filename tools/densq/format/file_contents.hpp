// SPDX-License-Identifier: MIT
// file_contents.hpp - opens densq files and lists what they hold; errors are exceptions.
#pragma once
#include <string>
#include <vector>

#include "directory.hpp"
#include "handles.hpp"

namespace densq::tool {

// Opens and proves a file; DataError with the fault's text and offset if it does not prove right.
File open_file(const std::string &path, uint32_t flags);

// The same for bytes in memory; std::runtime_error with the fault's text.
File open_bytes(const uint8_t *bytes, size_t size, uint32_t flags);

struct MatrixEntry {
    std::string name;
    uint32_t rows, cols, bits, nnz;
    uint64_t bytes;

    double weights() const { return static_cast<double>(rows) * cols; }
    double bits_per_weight() const { return 8 * static_cast<double>(bytes) / weights(); }
};

struct TensorEntry {
    std::string name, dtype;
    std::vector<uint64_t> shape;
    uint64_t bytes;
};

struct MetadataEntry {
    std::string key;
    uint64_t bytes;
};

std::vector<MatrixEntry> list_matrices(const densq_file *file);

struct FileTotals {
    double weights = 0, nnz = 0;
    uint64_t matrix_bytes = 0, tensor_bytes = 0, metadata_bytes = 0, file_bytes = 0;

    double bits_per_weight() const {
        return weights > 0 ? 8 * static_cast<double>(matrix_bytes) / weights : 0;
    }
};

struct FileContents {
    std::vector<MatrixEntry> matrices;
    std::vector<TensorEntry> tensors;
    std::vector<MetadataEntry> metadata;
    FileTotals totals;
};

// The plan that such a file follows.
FilePlan plan_of(const densq_file *file);

// For a file that proves right; its checksums are not compared.
FileContents read_contents(const std::string &path);

}  // namespace densq::tool
