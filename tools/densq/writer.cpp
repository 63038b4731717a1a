// SPDX-License-Identifier: MIT
#include "writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "crc32c.hpp"
#include "densq/layout.h"
#include "safetensors.hpp"

namespace densq::tool {
namespace {

uint64_t padded(uint64_t bytes) {
    return (bytes + DENSQ_ALIGNMENT - 1) / DENSQ_ALIGNMENT * DENSQ_ALIGNMENT;
}

uint64_t matrix_bytes(const MatrixPlan &plan) {
    const uint64_t rows = plan.rows;
    const uint64_t col_bytes = plan.cols <= DENSQ_MAX_COLS_16 ? 2 : 4;
    uint64_t bytes = padded(2 * (rows << plan.bits)) +
                     padded(densq_codes_bytes(plan.rows, plan.cols, plan.bits));
    if (plan.nnz)
        bytes += padded(4 * (rows + 1)) + padded(col_bytes * plan.nnz) + padded(2 * plan.nnz);
    return bytes;
}

uint64_t tensor_bytes(const TensorPlan &plan) {
    uint64_t bytes = plan.dtype == DENSQ_F32 ? 4 : 2;
    for (const uint32_t dimension : plan.shape) bytes *= dimension;
    return bytes;
}

}  // namespace

void Writer::fail(const char *what) const {
    throw DataError(target.string() + ": cannot " + what + ": " + std::strerror(errno));
}

// Delegates, so that the destructor runs if the rest of this throws.
Writer::Writer(const std::filesystem::path &target_, const FilePlan &plan) : Writer(target_) {
    plan_directory(plan);
    std::string name = (target.parent_path() / ".").string();
    name.append(target.filename().string()).append(".XXXXXX");
    file = mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) fail("create a temporary file beside it");
    temporary = name;
    // The directory goes here at the end, when the checksums are known.
    const std::vector<uint8_t> room(position);
    position = 0;
    write(room.data(), room.size());
    size_t i = 0;
    for (const auto &[key, value] : plan.metadata)
        metadata[i++].value_crc = add_section(value.data(), value.size());
}

Writer::~Writer() {
    if (file >= 0) close(file);
    if (!temporary.empty()) unlink(temporary.c_str());
}

// Fills in the records but for their checksums, and sets the position to the first section.
void Writer::plan_directory(const FilePlan &plan) {
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
        metadata.push_back(record);
    }
    for (const auto &[name, matrix] : plan.matrices) {
        densq_matrix_record record = {};
        add_name(name, &record);
        record.rows = matrix.rows;
        record.cols = matrix.cols;
        record.bits = matrix.bits;
        record.nnz = static_cast<uint32_t>(matrix.nnz);
        record.bytes = matrix_bytes(matrix);
        matrices.push_back(record);
    }
    for (const auto &[name, tensor] : plan.tensors) {
        densq_tensor_record record = {};
        add_name(name, &record);
        record.dtype = static_cast<uint32_t>(tensor.dtype);
        record.dimensions = static_cast<uint32_t>(tensor.shape.size());
        std::copy(tensor.shape.begin(), tensor.shape.end(), record.shape);
        record.bytes = tensor_bytes(tensor);
        tensors.push_back(record);
    }
    const uint64_t directory_bytes =
        sizeof(densq_file_header) + metadata.size() * sizeof metadata[0] +
        matrices.size() * sizeof matrices[0] + tensors.size() * sizeof tensors[0] + names.size();
    uint64_t offset = padded(directory_bytes);
    position = offset;
    const auto place = [&](auto *record, uint64_t bytes) {
        record->offset = offset;
        offset += padded(bytes);
    };
    for (auto &record : metadata) place(&record, record.value_bytes);
    for (auto &record : matrices) place(&record, record.bytes);
    for (auto &record : tensors) place(&record, record.bytes);
}

void Writer::write(const void *data, uint64_t bytes) {
    const auto *at = static_cast<const uint8_t *>(data);
    position += bytes;
    while (bytes > 0) {
        const ssize_t written = ::write(file, at, std::min<uint64_t>(bytes, 1 << 30));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("write");
        at += written;
        bytes -= static_cast<uint64_t>(written);
    }
}

// Writes a section with its padding; returns its checksum.
uint32_t Writer::add_section(const void *data, uint64_t bytes) {
    static const uint8_t zeros[DENSQ_ALIGNMENT] = {};
    write(data, bytes);
    write(zeros, padded(bytes) - bytes);
    return crc32c(0, data, bytes);
}

void Writer::add_matrix(const QuantizedMatrix &matrix) {
    densq_matrix_record &record = matrices.at(matrices_done++);
    record.lut_crc = add_section(matrix.lut.data(), matrix.lut.size() * sizeof(uint16_t));
    record.codes_crc = add_section(matrix.codes.data(), matrix.codes.size());
    if (matrix.val.empty()) return;
    record.row_ptr_crc =
        add_section(matrix.row_ptr.data(), matrix.row_ptr.size() * sizeof(uint32_t));
    if (matrix.cols <= DENSQ_MAX_COLS_16) {
        const std::vector<uint16_t> narrow(matrix.col.begin(), matrix.col.end());
        record.col_crc = add_section(narrow.data(), narrow.size() * sizeof(uint16_t));
    } else {
        record.col_crc = add_section(matrix.col.data(), matrix.col.size() * sizeof(uint32_t));
    }
    record.val_crc = add_section(matrix.val.data(), matrix.val.size() * sizeof(uint16_t));
}

void Writer::add_tensor(const void *data, uint64_t bytes) {
    tensors.at(tensors_done++).crc = add_section(data, bytes);
}

void Writer::write_directory() {
    std::string directory;
    const auto append = [&](const auto &records) {
        if (!records.empty())
            directory.append(reinterpret_cast<const char *>(records.data()),
                             records.size() * sizeof records[0]);
    };
    append(metadata);
    append(matrices);
    append(tensors);
    directory += names;
    densq_file_header header = {};
    std::memcpy(header.magic, DENSQ_MAGIC, sizeof header.magic);
    header.version = DENSQ_FORMAT_VERSION;
    header.file_bytes = position;
    header.metadata_count = static_cast<uint32_t>(metadata.size());
    header.matrix_count = static_cast<uint32_t>(matrices.size());
    header.tensor_count = static_cast<uint32_t>(tensors.size());
    header.name_bytes = static_cast<uint32_t>(names.size());
    header.directory_crc = crc32c(0, directory.data(), directory.size());
    header.header_crc = crc32c(0, &header, sizeof header - sizeof header.header_crc);
    if (lseek(file, 0, SEEK_SET) != 0) fail("return to its beginning");
    write(&header, sizeof header);
    write(directory.data(), directory.size());
}

void Writer::prove() const {
    densq_file *opened = nullptr;
    densq_fault fault = {};
    if (densq_open_path(&opened, temporary.c_str(), nullptr, &fault) != DENSQ_OK)
        throw DataError(target.string() + ": what was written does not prove right: " + fault.text);
    densq_close(&opened);
}

void Writer::finish() {
    write_directory();
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(file, 0666 & ~mask) != 0 || fsync(file) != 0) fail("complete it on disk");
    close(file);
    file = -1;
    prove();
    if (rename(temporary.c_str(), target.c_str()) != 0) fail("rename the temporary file to it");
    temporary.clear();
    const std::filesystem::path folder = target.parent_path();
    const int directory = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
}

}  // namespace densq::tool
