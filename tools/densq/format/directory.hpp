// SPDX-License-Identifier: MIT
// directory.hpp - what a densq file will hold, and the records that say so.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "densq/densq.h"
#include "densq/format.h"

namespace densq::tool {

struct MatrixPlan {
    uint32_t rows, cols, bits, nnz;
};

struct TensorPlan {
    densq_dtype dtype;
    std::vector<uint32_t> shape;
};

// All sizes are known before the first byte is written.
struct FilePlan {
    std::map<std::string, std::string> metadata;
    std::map<std::string, MatrixPlan> matrices;
    std::map<std::string, TensorPlan> tensors;
};

// DataError if no densq file can have these names and this metadata, so that nobody works for one.
void prove_texts(const FilePlan &plan);

// The records of a planned file, complete but for the checksums of matrices and tensors.
struct Directory {
    explicit Directory(const FilePlan &plan);  // DataError if a name is too long or empty

    template <typename Record>
    std::string name_of(const Record &record) const {
        return names.substr(record.name_offset, record.name_bytes);
    }
    // Where the record of a matrix stands in the file.
    uint64_t place_of_matrix(size_t index) const;
    // Header, records, names and padding, as they stand in the file.
    std::string image() const;

    std::string names;
    std::vector<densq_metadata_record> metadata;
    std::vector<densq_matrix_record> matrices;
    std::vector<densq_tensor_record> tensors;
    uint64_t bytes;       // of the image
    uint64_t file_bytes;  // of the whole file
};

}  // namespace densq::tool
