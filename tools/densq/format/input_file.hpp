// SPDX-License-Identifier: MIT
// input_file.hpp - opens and reads what the user gives.  What is absent, what cannot be read and
// what is no file are told apart, and nothing here waits for the other end of a pipe.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace densq::tool {

enum class FileKind { absent, file, folder };

// DataError for pipes, devices and sockets, for a link to nothing, and if it cannot be found out.
FileKind kind_of(const std::filesystem::path &path);

// A regular file, open for reading; DataError if it cannot be opened or is no regular file.
class InputFile {
public:
    explicit InputFile(const std::filesystem::path &path);
    ~InputFile();
    InputFile(const InputFile &) = delete;
    InputFile &operator=(const InputFile &) = delete;

    // DataError if it has been cut since it was opened.
    void require_whole() const;

    const std::filesystem::path path;
    int descriptor;
    uint64_t bytes;
};

// The UTF-8 text of a file, without a byte order mark; nothing if there is no such file.
// DataError if it cannot be read to its end, is no UTF-8, is longer than a metadata value may be,
// or is a pointer of git-lfs.
std::optional<std::string> read_text(const std::filesystem::path &path);

// What a file that begins so is instead of a model or its text, and what to do about it; empty if
// nothing is known.
std::string foreign_content(std::string_view begin);

}  // namespace densq::tool
