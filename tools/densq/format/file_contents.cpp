// SPDX-License-Identifier: MIT
#include "file_contents.hpp"

#include <filesystem>
#include <functional>
#include <numeric>

#include "partial_file.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {

namespace {

densq_open_options make_options(uint32_t flags) {
    densq_open_options options = {};
    options.struct_size = sizeof options;
    options.flags = flags;
    return options;
}

// The entry that `get` reads.
template <typename T>
T get_entry(const densq_file *file, uint32_t index,
            densq_status (*get)(const densq_file *, uint32_t, T *)) {
    T entry = {};
    entry.struct_size = sizeof entry;
    require(get(file, index, &entry));
    return entry;
}

// Calls visit(entry) for every entry of a kind, which `get` reads.
template <typename T, typename Visit>
void for_each_entry(const densq_file *file, densq_kind kind,
                    densq_status (*get)(const densq_file *, uint32_t, T *), Visit visit) {
    for (uint32_t i = 0; i < densq_count(file, kind); ++i) visit(get_entry(file, i, get));
}

std::vector<TensorEntry> list_tensors(const densq_file *file) {
    std::vector<TensorEntry> list;
    for_each_entry(file, DENSQ_TENSOR, densq_get_tensor, [&](const densq_tensor &tensor) {
        list.push_back({{tensor.name, tensor.name_bytes},
                        dtype_name(tensor.dtype),
                        {tensor.shape, tensor.shape + tensor.dimensions},
                        tensor.bytes});
    });
    return list;
}

}  // namespace

File open_file(const std::string &path, uint32_t flags) {
    const densq_open_options options = make_options(flags);
    densq_fault fault = {};
    densq_file *file = nullptr;
    const densq_status status = densq_open_path(&file, path.c_str(), &options, &fault);
    if (status == DENSQ_OK) return File(file);
    if (is_partial_file(path))
        throw DataError(path + ": is unfinished; the command that began it goes on with --resume");
    std::string message = fault.text;
    if (status != DENSQ_ERR_IO) message = path + ": " + message;  // the system's errors name it
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
    for_each_entry(file, DENSQ_MATRIX, densq_get_matrix, [&](const densq_matrix &matrix) {
        list.push_back({{matrix.name, matrix.name_bytes},
                        matrix.rows,
                        matrix.cols,
                        matrix.bits,
                        matrix.nnz,
                        matrix.bytes});
    });
    return list;
}

FilePlan plan_of(const densq_file *file) {
    FilePlan plan;
    for_each_entry(file, DENSQ_METADATA, densq_get_metadata, [&](const densq_metadata &entry) {
        plan.metadata[{entry.key, entry.key_bytes}] = {entry.value, entry.value_bytes};
    });
    for_each_entry(file, DENSQ_MATRIX, densq_get_matrix, [&](const densq_matrix &matrix) {
        plan.matrices[{matrix.name, matrix.name_bytes}] = {matrix.rows, matrix.cols, matrix.bits,
                                                           matrix.nnz};
    });
    for_each_entry(file, DENSQ_TENSOR, densq_get_tensor, [&](const densq_tensor &tensor) {
        plan.tensors[{tensor.name, tensor.name_bytes}] = {
            static_cast<densq_dtype>(tensor.dtype),
            {tensor.shape, tensor.shape + tensor.dimensions}};
    });
    return plan;
}

std::vector<MetadataEntry> list_metadata(const densq_file *file) {
    std::vector<MetadataEntry> list;
    for_each_entry(file, DENSQ_METADATA, densq_get_metadata, [&](const densq_metadata &metadata) {
        list.push_back({{metadata.key, metadata.key_bytes}, metadata.value_bytes});
    });
    return list;
}

densq_matrix get_matrix(const densq_file *file, uint32_t index) {
    return get_entry(file, index, densq_get_matrix);
}

densq_tensor get_tensor(const densq_file *file, uint32_t index) {
    return get_entry(file, index, densq_get_tensor);
}

std::optional<std::string_view> find_text(const densq_file *file, const std::string &key) {
    uint32_t index;
    if (densq_find(file, DENSQ_METADATA, key.c_str(), &index) != DENSQ_OK) return std::nullopt;
    const densq_metadata metadata = get_entry(file, index, densq_get_metadata);
    return std::string_view(metadata.value, metadata.value_bytes);
}

double TensorEntry::elements() const {
    return std::accumulate(shape.begin(), shape.end(), 1.0, std::multiplies<>());
}

FileContents list_contents(const densq_file *file, const std::string &path) {
    FileContents contents = {list_matrices(file), list_tensors(file), list_metadata(file), {}};
    FileTotals &totals = contents.totals;
    for (const MatrixEntry &matrix : contents.matrices) {
        totals.weights += matrix.weights();
        totals.nnz += matrix.nnz;
        totals.matrix_bytes += matrix.bytes;
    }
    for (const TensorEntry &tensor : contents.tensors) {
        totals.plain_elements += tensor.elements();
        totals.tensor_bytes += tensor.bytes;
    }
    for (const MetadataEntry &entry : contents.metadata) totals.metadata_bytes += entry.bytes;
    totals.file_bytes = std::filesystem::file_size(path);
    return contents;
}

}  // namespace densq::tool
