// SPDX-License-Identifier: MIT
#include "exported_tensor.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include "densq/half.h"
#include "file_contents.hpp"
#include "metadata_json.hpp"
#include "safetensors.hpp"
#include "shape.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

constexpr uint64_t kPieceElements = 1 << 18;

class ExportPlan {
public:
    ExportPlan(const densq_file *file_, std::optional<densq_dtype> forced_, densq_dtype usual)
        : file(file_), forced(forced_), matrix_dtype(forced.value_or(usual)),
          matrices(list_matrices(file)) {
        if (const auto text = find_text(file, kSlicesKey))
            for (const auto &[name, slicing] : parse_slices(*text)) add_slices(name, slicing);
        for (uint32_t i = 0; i < matrices.size(); ++i)
            if (!slices.contains(i))
                add({{matrices[i].name, matrix_dtype, {matrices[i].rows, matrices[i].cols}},
                     DENSQ_MATRIX,
                     {i},
                     false});
        for (uint32_t i = 0; i < densq_count(file, DENSQ_TENSOR); ++i) add_plain(i);
    }

    std::vector<ExportedTensor> tensors() const {
        std::vector<ExportedTensor> list;
        for (const auto &[name, tensor] : by_name) list.push_back(tensor);
        return list;
    }

private:
    void add(ExportedTensor tensor) {
        if (tensor.name == "__metadata__")
            throw DataError("a .safetensors file cannot hold a tensor of the name __metadata__");
        const std::string name = tensor.name;
        if (!by_name.emplace(name, std::move(tensor)).second)
            throw DataError("'" + name + "' is in the file and in its metadata entry '" +
                            kSlicesKey + "'");
    }

    void add_plain(uint32_t index) {
        const densq_tensor tensor = get_tensor(file, index);
        add({{{tensor.name, tensor.name_bytes},
              forced.value_or(static_cast<densq_dtype>(tensor.dtype)),
              {tensor.shape, tensor.shape + tensor.dimensions}},
             DENSQ_TENSOR,
             {index},
             false});
    }

    void add_slices(const std::string &name, const Slicing &slicing) {
        ExportedTensor tensor = {{name, matrix_dtype, {}}, DENSQ_MATRIX, {}, slicing.transposed};
        for (uint64_t i = 0; i < slicing.slices; ++i) {
            const uint32_t index = find_slice(name, i);
            const MatrixEntry &slice = matrices[index];
            const MatrixEntry &first = i == 0 ? slice : matrices[tensor.sources[0]];
            if (slice.rows != first.rows || slice.cols != first.cols)
                refuse_slice(slice.name, name, "has another shape than slice 0");
            tensor.shape = {slicing.slices, slice.rows, slice.cols};
            tensor.sources.push_back(index);
            slices.insert(index);
        }
        if (slicing.transposed) std::swap(tensor.shape[1], tensor.shape[2]);
        add(std::move(tensor));
    }

    uint32_t find_slice(const std::string &name, uint64_t number) const {
        const std::string slice = name + "." + std::to_string(number);
        uint32_t index;
        if (densq_find(file, DENSQ_MATRIX, slice.c_str(), &index) != DENSQ_OK)
            refuse_slice(slice, name, "is missing");
        return index;
    }

    [[noreturn]] static void refuse_slice(const std::string &slice, const std::string &name,
                                          const char *why) {
        std::string message = "matrix '";
        message.append(slice).append("' ").append(why).append(": it is a slice of '").append(name);
        throw DataError(message.append("', says the metadata entry ").append(kSlicesKey));
    }

    const densq_file *file;
    const std::optional<densq_dtype> forced;
    const densq_dtype matrix_dtype;
    const std::vector<MatrixEntry> matrices;
    std::set<uint32_t> slices;
    std::map<std::string, ExportedTensor> by_name;
};

// Converts floats to the dtype of a tensor and writes them.
class FloatWriter {
public:
    using Write = std::function<void(const void *, uint64_t)>;

    FloatWriter(const ExportedTensor &tensor_, const Write &write_)
        : tensor(tensor_), write(write_) {}

    void add(const float *values, uint64_t count) {
        if (tensor.dtype == DENSQ_F32) return write(values, count * sizeof *values);
        if (tensor.dtype == DENSQ_F16)
            add_halves(values, count, densq_f32_to_f16, 0x7C00);
        else
            add_halves(values, count, densq_f32_to_bf16, 0x7F80);
    }

private:
    template <typename Convert>
    void add_halves(const float *values, uint64_t count, Convert convert, uint16_t infinity) {
        halves.resize(count);
        for (uint64_t i = 0; i < count; ++i) {
            halves[i] = convert(values[i]);
            if ((halves[i] & 0x7FFF) == infinity && std::isfinite(values[i])) refuse(values[i]);
        }
        write(halves.data(), count * sizeof halves[0]);
    }

    [[noreturn]] void refuse(float value) const {
        throw DataError("tensor '" + tensor.name + "': its value " + std::to_string(value) +
                        " is too large for " + dtype_name(tensor.dtype) + "; export with --dtype " +
                        (tensor.dtype == DENSQ_F16 ? "BF16 or " : "") + "F32");
    }

    const ExportedTensor &tensor;
    const Write &write;
    std::vector<uint16_t> halves;
};

void write_plain(const densq_tensor &tensor, densq_dtype dtype, FloatWriter *floats,
                 const FloatWriter::Write &write) {
    const SafeTensor values = {dtype_name(tensor.dtype),
                               {tensor.shape, tensor.shape + tensor.dimensions},
                               static_cast<const uint8_t *>(tensor.data),
                               tensor.bytes};
    const uint64_t elements = values.elements(), size = values.bytes / elements;
    std::vector<float> chunk(tensor.dtype == dtype ? 0 : std::min(elements, kPieceElements));
    for (uint64_t begin = 0; begin < elements; begin += kPieceElements) {
        const uint64_t end = std::min(begin + kPieceElements, elements);
        if (tensor.dtype == dtype) {
            write(values.data + begin * size, (end - begin) * size);
        } else {
            read_floats(values, begin, end, chunk.data());
            floats->add(chunk.data(), end - begin);
        }
    }
}

void write_matrix(const densq_file *file, uint32_t index, FloatWriter *floats) {
    const densq_matrix matrix = get_matrix(file, index);
    const auto rows_at_once =
        static_cast<uint32_t>(std::clamp<uint64_t>(kPieceElements / matrix.cols, 1, matrix.rows));
    std::vector<float> chunk(size_t{rows_at_once} * matrix.cols);
    for (uint32_t row = 0; row < matrix.rows; row += rows_at_once) {
        const uint32_t count = std::min(rows_at_once, matrix.rows - row);
        require(densq_read_rows(file, index, row, count, chunk.data(), matrix.cols));
        floats->add(chunk.data(), uint64_t{count} * matrix.cols);
    }
}

void write_transposed(const densq_file *file, uint32_t index, FloatWriter *floats) {
    const densq_matrix matrix = get_matrix(file, index);
    std::vector<float> weights(size_t{matrix.rows} * matrix.cols);
    require(densq_read_rows(file, index, 0, matrix.rows, weights.data(), matrix.cols));
    const auto cols_at_once =
        static_cast<uint32_t>(std::clamp<uint64_t>(kPieceElements / matrix.rows, 1, matrix.cols));
    std::vector<float> chunk(size_t{cols_at_once} * matrix.rows);
    for (uint32_t col = 0; col < matrix.cols; col += cols_at_once) {
        const uint32_t count = std::min(cols_at_once, matrix.cols - col);
        for (size_t row = 0; row < matrix.rows; ++row)
            for (size_t i = 0; i < count; ++i)
                chunk[i * matrix.rows + row] = weights[row * matrix.cols + col + i];
        floats->add(chunk.data(), uint64_t{count} * matrix.rows);
    }
}

}  // namespace

std::vector<ExportedTensor> plan_export(const densq_file *file, std::optional<densq_dtype> forced,
                                        densq_dtype usual) {
    return ExportPlan(file, forced, usual).tensors();
}

std::vector<std::vector<ExportedTensor>> cut_into_shards(const std::vector<ExportedTensor> &tensors,
                                                         uint64_t bytes) {
    std::vector<std::vector<ExportedTensor>> shards(1);
    uint64_t left = bytes;
    for (const ExportedTensor &tensor : tensors) {
        if (tensor.bytes() > left && !shards.back().empty()) {
            shards.emplace_back();
            left = bytes;
        }
        left -= std::min(left, tensor.bytes());
        shards.back().push_back(tensor);
    }
    for (auto &shard : shards)
        std::stable_partition(shard.begin(), shard.end(),
                              [](const ExportedTensor &t) { return t.dtype == DENSQ_F32; });
    return shards;
}

void write_values(const densq_file *file, const ExportedTensor &tensor,
                  const FloatWriter::Write &write) {
    FloatWriter floats(tensor, write);
    if (tensor.kind == DENSQ_TENSOR)
        return write_plain(get_tensor(file, tensor.sources[0]), tensor.dtype, &floats, write);
    for (const uint32_t index : tensor.sources)
        tensor.transposed ? write_transposed(file, index, &floats)
                          : write_matrix(file, index, &floats);
}

}  // namespace densq::tool
