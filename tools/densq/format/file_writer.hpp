// SPDX-License-Identifier: MIT
// file_writer.hpp - writes a densq file (docs/format.md).  It has a temporary name in the folder of
// the target, and is renamed when it is complete, on disk and proved.  If anything goes wrong
// before, it is removed.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "densq/densq.h"
#include "densq/format.h"
#include "quantized_matrix.hpp"

namespace densq::tool {

struct MatrixPlan {
    uint32_t rows, cols, bits, nnz;
};

struct TensorPlan {
    densq_dtype dtype;
    std::vector<uint32_t> shape;
};

// What a file will hold; all sizes are known before the first byte is written.
struct FilePlan {
    std::map<std::string, std::string> metadata;
    std::map<std::string, MatrixPlan> matrices;
    std::map<std::string, TensorPlan> tensors;
};

// The size of the file.
uint64_t planned_bytes(const FilePlan &plan);

class FileWriter {
public:
    FileWriter(const std::filesystem::path &target, const FilePlan &plan);
    ~FileWriter();
    FileWriter(const FileWriter &) = delete;
    FileWriter &operator=(const FileWriter &) = delete;

    // All matrices, then all tensors, each kind in the order of the plan.  std::logic_error, and
    // nothing is written, if this one does not come next or differs from the plan.
    void add_matrix(const std::string &name, const QuantizedMatrix &matrix);
    void add_tensor(const std::string &name, const void *data, uint64_t bytes);

    // Writes the directory, proves the file and gives it its name.  std::logic_error if something
    // of the plan is missing.
    void finish();

private:
    friend uint64_t planned_bytes(const FilePlan &plan);
    explicit FileWriter(const std::filesystem::path &target_) : target(target_) {}
    void plan_directory(const FilePlan &plan);
    template <typename Record>
    Record &next_record(std::vector<Record> &records, size_t done, const char *kind,
                        const std::string &name) const;
    void check_matrix(const std::string &name, const densq_matrix_record &record,
                      const QuantizedMatrix &matrix) const;
    template <typename T>
    uint32_t add_section(const std::vector<T> &data);
    uint32_t add_section(const void *data, uint64_t bytes);
    void write(const void *data, uint64_t bytes);
    void write_directory();
    void prove() const;
    [[noreturn]] void fail(const char *what) const;
    [[noreturn]] void refuse(const char *kind, const std::string &name,
                             const std::string &why) const;

    std::filesystem::path target, temporary;
    int file = -1;
    uint64_t position = 0, planned_size = 0;
    std::string names;
    std::vector<densq_metadata_record> metadata;
    std::vector<densq_matrix_record> matrices;
    std::vector<densq_tensor_record> tensors;
    size_t matrices_done = 0, tensors_done = 0;
};

}  // namespace densq::tool
