// SPDX-License-Identifier: MIT
#include "file_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "densq/layout.h"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

densq_sections sections_of(const densq_matrix_record &record) {
    return densq_place_sections(record.rows, record.cols, record.bits, record.nnz);
}

uint64_t tensor_bytes(const TensorPlan &plan) {
    uint64_t bytes = plan.dtype == DENSQ_F32 ? 4 : 2;
    for (const uint32_t dimension : plan.shape) bytes *= dimension;
    return bytes;
}

}  // namespace

void FileWriter::fail(const char *what) const {
    throw DataError(target.string() + ": cannot " + what + ": " + std::strerror(errno));
}

// Delegates, so that the destructor runs if the rest of this throws.
FileWriter::FileWriter(const std::filesystem::path &target_, const FilePlan &plan)
    : FileWriter(target_) {
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

FileWriter::~FileWriter() {
    if (file >= 0) close(file);
    if (!temporary.empty()) unlink(temporary.c_str());
}

// Fills in the records but for their checksums, and sets the position to the first section.
void FileWriter::plan_directory(const FilePlan &plan) {
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
        record.nnz = matrix.nnz;
        record.bytes = sections_of(record).bytes;
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
    uint64_t offset = densq_padded(directory_bytes);
    position = offset;
    const auto place = [&](auto *record, uint64_t bytes) {
        record->offset = offset;
        offset += densq_padded(bytes);
    };
    for (auto &record : metadata) place(&record, record.value_bytes);
    for (auto &record : matrices) place(&record, record.bytes);
    for (auto &record : tensors) place(&record, record.bytes);
    planned_size = offset;
}

uint64_t planned_bytes(const FilePlan &plan) {
    FileWriter writer("");
    writer.plan_directory(plan);
    return writer.planned_size;
}

void FileWriter::write(const void *data, uint64_t bytes) {
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
uint32_t FileWriter::add_section(const void *data, uint64_t bytes) {
    static const uint8_t zeros[DENSQ_ALIGNMENT] = {};
    write(data, bytes);
    write(zeros, densq_padded(bytes) - bytes);
    return densq_crc32c(0, data, bytes);
}

template <typename T>
uint32_t FileWriter::add_section(const std::vector<T> &data) {
    return add_section(data.data(), data.size() * sizeof(T));
}

// Returns the record that comes next, if it has this name.
template <typename Record>
Record &FileWriter::next_record(std::vector<Record> &records, size_t done, const char *kind,
                                const std::string &name) const {
    if (done == records.size()) refuse(kind, name, "it is one more than planned");
    Record &record = records[done];
    const std::string planned = names.substr(record.name_offset, record.name_bytes);
    if (name != planned) refuse(kind, name, "'" + planned + "' comes next");
    return record;
}

void FileWriter::add_matrix(const std::string &name, const QuantizedMatrix &matrix) {
    densq_matrix_record &record = next_record(matrices, matrices_done, "matrix", name);
    check_matrix(name, record, matrix);
    ++matrices_done;
    record.lut_crc = add_section(matrix.lut);
    record.codes_crc = add_section(matrix.codes);
    if (record.nnz == 0) return;
    record.row_ptr_crc = add_section(matrix.row_ptr);
    record.col_crc = densq_col_bytes(matrix.cols) == sizeof(uint32_t)
                         ? add_section(matrix.col)
                         : add_section(std::vector<uint16_t>(matrix.col.begin(), matrix.col.end()));
    record.val_crc = add_section(matrix.val);
}

void FileWriter::check_matrix(const std::string &name, const densq_matrix_record &record,
                              const QuantizedMatrix &matrix) const {
    const auto check = [&](const char *what, uint64_t given, uint64_t planned) {
        if (given != planned)
            refuse("matrix", name,
                   std::to_string(given) + " " + what + ", not " + std::to_string(planned));
    };
    const densq_sections sections = sections_of(record);
    check("rows", matrix.rows, record.rows);
    check("columns", matrix.cols, record.cols);
    check("bits", matrix.bits, record.bits);
    check("table entries", matrix.lut.size(), sections.lut.bytes / sizeof matrix.lut[0]);
    check("bytes of codes", matrix.codes.size(), sections.codes.bytes);
    check("row pointers", matrix.row_ptr.size(), uint64_t{record.rows} + 1);
    check("column indices", matrix.col.size(), record.nnz);
    check("sparse values", matrix.val.size(), record.nnz);
}

void FileWriter::add_tensor(const std::string &name, const void *data, uint64_t bytes) {
    if (matrices_done < matrices.size()) refuse("tensor", name, "matrices are still to come");
    densq_tensor_record &record = next_record(tensors, tensors_done, "tensor", name);
    if (bytes != record.bytes)
        refuse("tensor", name,
               std::to_string(bytes) + " bytes, not " + std::to_string(record.bytes));
    ++tensors_done;
    record.crc = add_section(data, bytes);
}

// Throws when the program is wrong, not the data of the user.
void FileWriter::refuse(const char *kind, const std::string &name, const std::string &why) const {
    throw std::logic_error(target.string() + ": " + kind + " '" + name +
                           "' is not what was planned: " + why);
}

void FileWriter::write_directory() {
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
    header.directory_crc = densq_crc32c(0, directory.data(), directory.size());
    header.header_crc = densq_crc32c(0, &header, sizeof header - sizeof header.header_crc);
    if (lseek(file, 0, SEEK_SET) != 0) fail("return to its beginning");
    write(&header, sizeof header);
    write(directory.data(), directory.size());
}

void FileWriter::prove() const {
    densq_file *opened = nullptr;
    densq_fault fault = {};
    if (densq_open_path(&opened, temporary.c_str(), nullptr, &fault) != DENSQ_OK)
        throw DataError(target.string() + ": what was written does not prove right: " + fault.text);
    densq_close(&opened);
}

void FileWriter::finish() {
    if (matrices_done < matrices.size() || tensors_done < tensors.size())
        throw std::logic_error(target.string() + ": not all that was planned has been written");
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
