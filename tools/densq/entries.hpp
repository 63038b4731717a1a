// SPDX-License-Identifier: MIT
// entries.hpp - the densq C API for C++ programs that use exceptions.
#pragma once
#include <string>
#include <vector>

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
std::vector<TensorEntry> list_tensors(const densq_file *file);
std::vector<MetadataEntry> list_metadata(const densq_file *file);

}  // namespace densq::tool
