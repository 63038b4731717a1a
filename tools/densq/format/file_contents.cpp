// SPDX-License-Identifier: MIT
#include "file_contents.hpp"

#include <filesystem>

#include "tools/densq/errors.hpp"

namespace densq::tool {

namespace {

densq_open_options make_options(uint32_t flags) {
    densq_open_options options = {};
    options.struct_size = sizeof options;
    options.flags = flags;
    return options;
}

std::vector<TensorEntry> list_tensors(const densq_file *file) {
    std::vector<TensorEntry> list;
    for (uint32_t i = 0; i < densq_count(file, DENSQ_TENSOR); ++i) {
        densq_tensor tensor = {};
        tensor.struct_size = sizeof tensor;
        densq_get_tensor(file, i, &tensor);
        list.push_back({{tensor.name, tensor.name_bytes},
                        dtype_name(tensor.dtype),
                        {tensor.shape, tensor.shape + tensor.dimensions},
                        tensor.bytes});
    }
    return list;
}

std::vector<MetadataEntry> list_metadata(const densq_file *file) {
    std::vector<MetadataEntry> list;
    for (uint32_t i = 0; i < densq_count(file, DENSQ_METADATA); ++i) {
        densq_metadata metadata = {};
        metadata.struct_size = sizeof metadata;
        densq_get_metadata(file, i, &metadata);
        list.push_back({{metadata.key, metadata.key_bytes}, metadata.value_bytes});
    }
    return list;
}

}  // namespace

File open_file(const std::string &path, uint32_t flags) {
    const densq_open_options options = make_options(flags);
    densq_fault fault = {};
    densq_file *file = nullptr;
    if (densq_open_path(&file, path.c_str(), &options, &fault) == DENSQ_OK) return File(file);
    std::string message = path + ": " + fault.text;
    if (fault.offset != UINT64_MAX) message += " (at byte " + std::to_string(fault.offset) + ")";
    throw DataError(message);
}

File open_bytes(const uint8_t *bytes, size_t size, uint32_t flags) {
    const densq_open_options options = make_options(flags);
    densq_fault fault = {};
    densq_file *file = nullptr;
    require(densq_open_memory(&file, bytes, size, &options, &fault), fault);
    return File(file);
}

std::vector<MatrixEntry> list_matrices(const densq_file *file) {
    std::vector<MatrixEntry> list;
    for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i) {
        densq_matrix matrix = {};
        matrix.struct_size = sizeof matrix;
        densq_get_matrix(file, i, &matrix);
        list.push_back({{matrix.name, matrix.name_bytes},
                        matrix.rows,
                        matrix.cols,
                        matrix.bits,
                        matrix.nnz,
                        matrix.bytes});
    }
    return list;
}

FileContents read_contents(const std::string &path) {
    const File file = open_file(path, DENSQ_OPEN_SKIP_CHECKSUM);
    FileContents contents = {
        list_matrices(file.get()), list_tensors(file.get()), list_metadata(file.get()), {}};
    FileTotals &totals = contents.totals;
    for (const MatrixEntry &matrix : contents.matrices) {
        totals.weights += matrix.weights();
        totals.nnz += matrix.nnz;
        totals.matrix_bytes += matrix.bytes;
    }
    for (const TensorEntry &tensor : contents.tensors) totals.tensor_bytes += tensor.bytes;
    for (const MetadataEntry &entry : contents.metadata) totals.metadata_bytes += entry.bytes;
    totals.file_bytes = std::filesystem::file_size(path);
    return contents;
}

}  // namespace densq::tool
