// SPDX-License-Identifier: MIT
// file_writer.hpp - writes a densq file (docs/format.md).  It grows as a partial file beside its
// target, and gets the target's name when it is complete, on disk and proved.  What ends a run
// after the first matrix leaves the partial file, and another run can go on with it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "directory.hpp"
#include "partial_file.hpp"
#include "quantized_matrix.hpp"

namespace densq::tool {

// Which partial files a run may go on with: those of the same fingerprint, which stands for the
// plan and all that the matrices depend on.
struct Continuation {
    uint64_t fingerprint = 0;
    bool resume = false;  // else the work begins anew
};

class FileWriter {
public:
    // DataError if there is no room for the planned file, if another run writes it, or if it is to
    // be resumed and was begun with another fingerprint.
    FileWriter(const OutputTarget &target, const FilePlan &plan,
               const Continuation &continuation = {});

    // What the user should know about an earlier run's partial file; may be empty.
    const std::string &notice() const { return notice_text; }
    // What is left, and how to go on, if the run ends now; empty if nothing is.
    std::string left_text() const;

    // All matrices, then all tensors, each kind in the order of the plan.  std::logic_error, and
    // nothing is written, if this one does not come next or differs from the plan.
    void add_matrix(const std::string &name, const QuantizedMatrix &matrix);
    void add_tensor(const std::string &name, const void *data, uint64_t bytes);
    // The matrix as another file has it: its record, and its sections with their padding.
    void copy_matrix(const std::string &name, const densq_matrix_record &source,
                     const std::vector<uint8_t> &sections);
    // True if the matrix is there from an earlier run and whole: then it needs not be added.
    bool keep_matrix(const std::string &name);

    // Writes the directory, proves the file and gives it its name.  std::logic_error if something
    // of the plan is missing.
    void finish();

private:
    void open(const Continuation &continuation);
    bool read_earlier_records();
    bool is_complete() const;
    bool is_whole(const densq_matrix_record &record) const;
    bool is_section_right(uint64_t offset, uint64_t bytes, uint32_t crc) const;
    template <typename Record>
    Record &next_record(std::vector<Record> &records, size_t done, const char *kind,
                        const std::string &name) const;
    void check_matrix(const std::string &name, const densq_matrix_record &record,
                      const QuantizedMatrix &matrix) const;
    void matrix_is_done();
    template <typename T>
    uint32_t write_section(uint64_t offset, const std::vector<T> &data);
    uint32_t write_section(uint64_t offset, const void *data, uint64_t bytes);
    [[noreturn]] void refuse(const char *kind, const std::string &name,
                             const std::string &why) const;

    const OutputTarget target;
    Directory directory;
    PartialFile file;
    std::string notice_text;
    std::vector<densq_matrix_record> earlier;  // all zero where there is none
    size_t matrices_done = 0, tensors_done = 0;
};

}  // namespace densq::tool
