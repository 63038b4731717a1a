// SPDX-License-Identifier: MIT
// output_file.hpp - a new file that is written from front to back; errors are DataErrors with its
// path.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace densq::tool {

class OutputFile {
public:
    // Creates the file, which must not exist, and reserves its space where the system can.
    OutputFile(const std::filesystem::path &path, uint64_t bytes);
    ~OutputFile();
    OutputFile(const OutputFile &) = delete;
    OutputFile &operator=(const OutputFile &) = delete;

    void write(const void *data, uint64_t bytes);
    void finish();  // all of it is on disk

private:
    [[noreturn]] void fail(const char *what) const;

    const std::filesystem::path path;
    int file;
};

// A whole file.
void write_file(const std::filesystem::path &path, std::string_view text);

}  // namespace densq::tool
