// SPDX-License-Identifier: MIT
#include "directory.hpp"

#include <algorithm>
#include <cstring>

#include "densq/layout.h"
#include "handles.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

uint64_t tensor_plan_bytes(const TensorPlan &plan) {
    uint64_t bytes = dtype_bytes(plan.dtype);
    for (const uint32_t dimension : plan.shape) bytes *= dimension;
    return bytes;
}

template <typename Record>
void append_records(std::string *image, const std::vector<Record> &records) {
    if (!records.empty())
        image->append(reinterpret_cast<const char *>(records.data()),
                      records.size() * sizeof records[0]);
}

}  // namespace

Directory::Directory(const FilePlan &plan) {
    const auto add_name = [&](const std::string &name, auto *record) {
        if (name.empty() || name.size() > DENSQ_MAX_NAME_BYTES)
            throw DataError("the name '" + name + "' must have 1 to 255 bytes");
        record->name_offset = static_cast<uint32_t>(names.size());
        record->name_bytes = static_cast<uint32_t>(name.size());
        names += name;
    };
    for (const auto &[key, value] : plan.metadata) {
        densq_metadata_record record = {};
        add_name(key, &record);
        record.value_bytes = value.size();
        record.value_crc = densq_crc32c(0, value.data(), value.size());
        metadata.push_back(record);
    }
    for (const auto &[name, matrix] : plan.matrices) {
        densq_matrix_record record = {};
        add_name(name, &record);
        record.rows = matrix.rows;
        record.cols = matrix.cols;
        record.bits = matrix.bits;
        record.nnz = matrix.nnz;
        record.bytes =
            densq_place_sections(record.rows, record.cols, record.bits, record.nnz).bytes;
        matrices.push_back(record);
    }
    for (const auto &[name, tensor] : plan.tensors) {
        densq_tensor_record record = {};
        add_name(name, &record);
        record.dtype = static_cast<uint32_t>(tensor.dtype);
        record.dimensions = static_cast<uint32_t>(tensor.shape.size());
        std::copy(tensor.shape.begin(), tensor.shape.end(), record.shape);
        record.bytes = tensor_plan_bytes(tensor);
        tensors.push_back(record);
    }
    bytes = densq_padded(place_of_matrix(matrices.size()) + tensors.size() * sizeof tensors[0] +
                         names.size());
    file_bytes = bytes;
    const auto place = [&](auto *record, uint64_t size) {
        record->offset = file_bytes;
        file_bytes += densq_padded(size);
    };
    for (auto &record : metadata) place(&record, record.value_bytes);
    for (auto &record : matrices) place(&record, record.bytes);
    for (auto &record : tensors) place(&record, record.bytes);
}

uint64_t Directory::place_of_matrix(size_t index) const {
    return sizeof(densq_file_header) + metadata.size() * sizeof metadata[0] +
           index * sizeof matrices[0];
}

std::string Directory::image() const {
    densq_file_header header = {};
    std::string image(sizeof header, '\0');
    append_records(&image, metadata);
    append_records(&image, matrices);
    append_records(&image, tensors);
    image += names;
    std::memcpy(header.magic, DENSQ_MAGIC, sizeof header.magic);
    header.version = DENSQ_FORMAT_VERSION;
    header.file_bytes = file_bytes;
    header.metadata_count = static_cast<uint32_t>(metadata.size());
    header.matrix_count = static_cast<uint32_t>(matrices.size());
    header.tensor_count = static_cast<uint32_t>(tensors.size());
    header.name_bytes = static_cast<uint32_t>(names.size());
    header.directory_crc =
        densq_crc32c(0, image.data() + sizeof header, image.size() - sizeof header);
    header.header_crc = densq_crc32c(0, &header, sizeof header - sizeof header.header_crc);
    std::memcpy(image.data(), &header, sizeof header);
    image.resize(bytes);
    return image;
}

// The library knows the rules, so it is shown a small file with these texts.
void prove_texts(const FilePlan &plan) {
    FilePlan texts = {plan.metadata, {}, {}};
    for (const auto &[name, matrix] : plan.matrices) texts.tensors[name] = {DENSQ_F16, {}};
    for (const auto &[name, tensor] : plan.tensors) texts.tensors[name] = {DENSQ_F16, {}};
    Directory directory(texts);
    for (densq_tensor_record &record : directory.tensors) record.crc = densq_crc32c(0, "\0", 2);
    std::string bytes = directory.image();
    bytes.resize(directory.file_bytes);
    size_t i = 0;
    for (const auto &[key, value] : texts.metadata)
        value.copy(bytes.data() + directory.metadata[i++].offset, value.size());
    densq_open_options options = {};
    options.struct_size = sizeof options;
    options.flags = DENSQ_OPEN_COPY;
    densq_file *file = nullptr;
    densq_fault fault = {};
    if (densq_open_memory(&file, bytes.data(), bytes.size(), &options, &fault) != DENSQ_OK)
        throw DataError(std::string("no densq file can hold this: ") + fault.text);
    densq_close(&file);
}

}  // namespace densq::tool
