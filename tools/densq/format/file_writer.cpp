// SPDX-License-Identifier: MIT
#include "file_writer.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "densq/layout.h"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

densq_sections sections_of(const densq_matrix_record &record) {
    return densq_place_sections(record.rows, record.cols, record.bits, record.nnz);
}

void take_checksums(densq_matrix_record *record, const densq_matrix_record &from) {
    record->lut_crc = from.lut_crc;
    record->codes_crc = from.codes_crc;
    record->row_ptr_crc = from.row_ptr_crc;
    record->col_crc = from.col_crc;
    record->val_crc = from.val_crc;
}

const FilePlan &proven(const FilePlan &plan) {
    prove_texts(plan);
    return plan;
}

}  // namespace

FileWriter::FileWriter(const OutputTarget &target_, const FilePlan &plan,
                       const Continuation &continuation)
    : target(target_), directory(proven(plan)), file(target), earlier(directory.matrices.size()) {
    open(continuation);
    size_t i = 0;
    for (const auto &[key, value] : plan.metadata)
        write_section(directory.metadata[i++].offset, value.data(), value.size());
}

// Finds out what an earlier run has left, and either goes on with it or begins anew.
void FileWriter::open(const Continuation &continuation) {
    const std::string partial = target.partial.string();
    if (continuation.resume && file.state() != PartialFile::State::kEmpty) {
        const bool same = file.state() == PartialFile::State::kUnfinished
                              ? file.fingerprint() == continuation.fingerprint
                              : is_complete();
        if (!same)
            throw DataError(partial + ": was begun with other options or inputs; leave --resume "
                                      "out to begin anew");
        if (read_earlier_records()) {
            file.go_on(continuation.fingerprint, directory.file_bytes);
            return;
        }
    }
    if (continuation.resume)
        notice_text = "there is no work of an earlier run in " + partial + " to go on with";
    else if (file.state() != PartialFile::State::kEmpty)
        notice_text = partial + " of an earlier run is begun anew; --resume would go on with it";
    file.begin(continuation.fingerprint, directory.file_bytes);
}

// True if the file has a record, as planned, of any matrix.
bool FileWriter::read_earlier_records() {
    file.read(directory.place_of_matrix(0), earlier.data(), earlier.size() * sizeof earlier[0]);
    bool any = false;
    for (size_t i = 0; i < earlier.size(); ++i) {
        densq_matrix_record expected = directory.matrices[i];
        take_checksums(&expected, earlier[i]);
        const bool there = std::memcmp(&expected, &earlier[i], sizeof expected) == 0;
        if (!there) earlier[i] = {};
        any |= there;
    }
    return any;
}

// True if the directory, which is written last, is there and is the planned one.
bool FileWriter::is_complete() const {
    std::string image(directory.bytes, '\0');
    file.read(0, image.data(), image.size());
    Directory expected = directory;
    const char *at = image.data() + directory.place_of_matrix(0);
    for (densq_matrix_record &record : expected.matrices) {
        densq_matrix_record stored;
        std::memcpy(&stored, at, sizeof stored);
        take_checksums(&record, stored);
        at += sizeof stored;
    }
    for (densq_tensor_record &record : expected.tensors) {
        densq_tensor_record stored;
        std::memcpy(&stored, at, sizeof stored);
        record.crc = stored.crc;
        at += sizeof stored;
    }
    return expected.image() == image;
}

std::string FileWriter::left_text() const {
    const auto rest = earlier.begin() + static_cast<ptrdiff_t>(matrices_done);
    const auto later = std::count_if(
        rest, earlier.end(), [](const densq_matrix_record &record) { return record.bytes != 0; });
    const size_t done = matrices_done + static_cast<size_t>(later);
    if (done == 0) return "";
    return std::to_string(done) + " of " + std::to_string(directory.matrices.size()) +
           " matrices are done and stay in " + target.partial.string() +
           "; the same command with --resume goes on";
}

// Returns the record that comes next, if it has this name.
template <typename Record>
Record &FileWriter::next_record(std::vector<Record> &records, size_t done, const char *kind,
                                const std::string &name) const {
    if (done == records.size()) refuse(kind, name, "it is one more than planned");
    const std::string planned = directory.name_of(records[done]);
    if (name != planned) refuse(kind, name, "'" + planned + "' comes next");
    return records[done];
}

// Writes a section with its padding; returns its checksum.
uint32_t FileWriter::write_section(uint64_t offset, const void *data, uint64_t bytes) {
    static const uint8_t zeros[DENSQ_ALIGNMENT] = {};
    file.write(offset, data, bytes);
    file.write(offset + bytes, zeros, densq_padded(bytes) - bytes);
    return densq_crc32c(0, data, bytes);
}

template <typename T>
uint32_t FileWriter::write_section(uint64_t offset, const std::vector<T> &data) {
    return write_section(offset, data.data(), data.size() * sizeof(T));
}

void FileWriter::add_matrix(const std::string &name, const QuantizedMatrix &matrix) {
    densq_matrix_record &record = next_record(directory.matrices, matrices_done, "matrix", name);
    check_matrix(name, record, matrix);
    const densq_sections sections = sections_of(record);
    const auto write = [&](const densq_section &section, const auto &data) {
        return write_section(record.offset + section.offset, data);
    };
    record.lut_crc = write(sections.lut, matrix.lut);
    record.codes_crc = write(sections.codes, matrix.codes);
    if (record.nnz != 0) {
        record.row_ptr_crc = write(sections.row_ptr, matrix.row_ptr);
        record.col_crc =
            densq_col_bytes(matrix.cols) == sizeof(uint32_t)
                ? write(sections.col, matrix.col)
                : write(sections.col, std::vector<uint16_t>(matrix.col.begin(), matrix.col.end()));
        record.val_crc = write(sections.val, matrix.val);
    }
    matrix_is_done();
}

void FileWriter::copy_matrix(const std::string &name, const densq_matrix_record &source,
                             const std::vector<uint8_t> &sections) {
    densq_matrix_record &record = next_record(directory.matrices, matrices_done, "matrix", name);
    if (source.rows != record.rows || source.cols != record.cols || source.bits != record.bits ||
        source.nnz != record.nnz || sections.size() != record.bytes)
        refuse("matrix", name, "its record is another");
    take_checksums(&record, source);
    file.write(record.offset, sections.data(), sections.size());
    matrix_is_done();
}

// The record goes to its place, where a later run finds it.
void FileWriter::matrix_is_done() {
    const densq_matrix_record &record = directory.matrices[matrices_done];
    file.write(directory.place_of_matrix(matrices_done), &record, sizeof record);
    file.keep();
    ++matrices_done;
}

bool FileWriter::keep_matrix(const std::string &name) {
    densq_matrix_record &record = next_record(directory.matrices, matrices_done, "matrix", name);
    const densq_matrix_record &stored = earlier[matrices_done];
    if (stored.bytes == 0 || !is_whole(stored)) return false;
    record = stored;
    ++matrices_done;
    return true;
}

bool FileWriter::is_whole(const densq_matrix_record &record) const {
    const densq_sections sections = sections_of(record);
    const auto right = [&](const densq_section &section, uint32_t crc) {
        return is_section_right(record.offset + section.offset, section.bytes, crc);
    };
    return right(sections.lut, record.lut_crc) && right(sections.codes, record.codes_crc) &&
           right(sections.row_ptr, record.row_ptr_crc) && right(sections.col, record.col_crc) &&
           right(sections.val, record.val_crc);
}

// Compares the checksum; the padding must be zero.
bool FileWriter::is_section_right(uint64_t offset, uint64_t bytes, uint32_t crc) const {
    constexpr uint64_t kPiece = 1 << 20;
    std::vector<uint8_t> piece(std::min(kPiece, densq_padded(bytes)));
    uint32_t found = 0;
    for (uint64_t at = 0; at < bytes; at += kPiece) {
        const uint64_t size = std::min(kPiece, bytes - at), padded = densq_padded(size);
        file.read(offset + at, piece.data(), padded);
        found = densq_crc32c(found, piece.data(), size);
        if (std::any_of(piece.begin() + static_cast<ptrdiff_t>(size),
                        piece.begin() + static_cast<ptrdiff_t>(padded),
                        [](uint8_t byte) { return byte != 0; }))
            return false;
    }
    return found == crc;
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
    if (matrices_done < directory.matrices.size())
        refuse("tensor", name, "matrices are still to come");
    densq_tensor_record &record = next_record(directory.tensors, tensors_done, "tensor", name);
    if (bytes != record.bytes)
        refuse("tensor", name,
               std::to_string(bytes) + " bytes, not " + std::to_string(record.bytes));
    ++tensors_done;
    record.crc = write_section(record.offset, data, bytes);
}

// Throws when the program is wrong, not the data of the user.
void FileWriter::refuse(const char *kind, const std::string &name, const std::string &why) const {
    throw std::logic_error(target.path.string() + ": " + kind + " '" + name +
                           "' is not what was planned: " + why);
}

void FileWriter::finish() {
    if (matrices_done < directory.matrices.size() || tensors_done < directory.tensors.size())
        throw std::logic_error(target.path.string() +
                               ": not all that was planned has been written");
    const std::string image = directory.image();
    constexpr size_t kHeader = sizeof(densq_file_header);
    file.write(kHeader, image.data() + kHeader, image.size() - kHeader);
    // All else is on disk before the header makes a densq file of it.
    file.sync();
    file.write(0, image.data(), kHeader);
    file.sync();
    file.complete();
}

}  // namespace densq::tool
