// SPDX-License-Identifier: MIT
#include "input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "densq/format.h"
#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChunkBytes = 1 << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void refuse_file(const fs::path &path, const std::string &why) {
    throw DataError(path.string() + ": " + why);
}

// Refuses what a read could wait for without end, or that answers anew each time.
void require_file_or_folder(const fs::path &path, const struct stat &info) {
    const char *kind = S_ISFIFO(info.st_mode)   ? "a pipe"
                       : S_ISSOCK(info.st_mode) ? "a socket"
                       : S_ISCHR(info.st_mode)  ? "a device"
                       : S_ISBLK(info.st_mode)  ? "a device"
                                                : nullptr;
    if (kind)
        refuse_file(path, std::string("is ") + kind +
                              ", not a regular file; write the data to a file and name that");
}

[[noreturn]] void refuse_cut(const fs::path &path, uint64_t left, uint64_t bytes) {
    refuse_file(path, "was cut while it was read, to " + std::to_string(left) + " of " +
                          std::to_string(bytes) + " bytes");
}

void require_text_size(const fs::path &path, uint64_t bytes) {
    if (bytes > DENSQ_MAX_VALUE_BYTES)
        refuse_file(path, "is longer than the " + std::to_string(DENSQ_MAX_VALUE_BYTES) +
                              " bytes that a text of a model may have");
}

std::string read_to_end(const InputFile &file) {
    std::string text;
    for (;;) {
        const size_t before = text.size();
        require_text_size(file.path, std::max<uint64_t>(before, file.bytes));
        text.resize(before + kChunkBytes);
        ssize_t got;
        do got = read(file.descriptor, text.data() + before, kChunkBytes);
        while (got < 0 && errno == EINTR);
        if (got < 0) refuse_file(file.path, std::string("cannot be read: ") + std::strerror(errno));
        text.resize(before + static_cast<size_t>(got));
        if (got == 0) return text;
    }
}

}  // namespace

FileKind kind_of(const fs::path &path) {
    struct stat info;
    if (stat(path.c_str(), &info) == 0) {
        require_file_or_folder(path, info);
        return S_ISDIR(info.st_mode) ? FileKind::folder : FileKind::file;
    }
    const int error = errno;
    if (error != ENOENT && error != ENOTDIR)
        refuse_file(path, std::string("cannot be looked at: ") + std::strerror(error));
    if (lstat(path.c_str(), &info) == 0)
        refuse_file(path, "is a symbolic link to a file that is not there; download it, or remove "
                          "the link");
    return FileKind::absent;
}

// A pipe that takes the file's place meanwhile does not block either.
InputFile::InputFile(const fs::path &path_)
    : path(path_), descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)),
      bytes(0) {
    if (descriptor < 0) refuse_file(path, std::string("cannot open: ") + std::strerror(errno));
    struct stat info;
    if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode)) {
        bytes = static_cast<uint64_t>(info.st_size);
        return;
    }
    close(descriptor);
    refuse_file(path, "is not a regular file");
}

InputFile::~InputFile() { close(descriptor); }

void InputFile::require_whole() const {
    struct stat info;
    if (fstat(descriptor, &info) == 0 && static_cast<uint64_t>(info.st_size) < bytes)
        refuse_cut(path, static_cast<uint64_t>(info.st_size), bytes);
}

std::optional<std::string> read_text(const fs::path &path) {
    const FileKind kind = kind_of(path);
    if (kind == FileKind::absent) return std::nullopt;
    if (kind == FileKind::folder) refuse_file(path, "is a folder, not a file");
    const InputFile file(path);
    std::string text = read_to_end(file);
    if (text.size() < file.bytes) refuse_cut(path, text.size(), file.bytes);
    if (const std::string what = foreign_content(text); !what.empty()) refuse_file(path, what);
    if (const size_t valid = utf8_prefix(text); valid < text.size())
        refuse_file(path, "is not UTF-8 at byte " + std::to_string(valid) +
                              "; save it as UTF-8 (iconv -f ENCODING -t UTF-8)");
    if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
    return text;
}

std::string foreign_content(std::string_view begin) {
    struct Content {
        std::string_view begin;
        const char *what;
    };
    static constexpr Content kContents[] = {
        {"version https://git-lfs.github.com/",
         "is a git-lfs pointer, not the file itself; run 'git lfs pull' in its folder"},
        {"PK\3\4", "is a zip archive, as PyTorch writes them; convert it with densq-convert "
                   "(tools/python)"},
        {"GGUF", "is a GGUF file; convert it with densq-convert (tools/python)"},
        {"<!DOCTYPE", "is a web page, not the file; download it again"},
        {"<html", "is a web page, not the file; download it again"},
    };
    for (const Content &content : kContents)
        if (begin.starts_with(content.begin)) return content.what;
    return "";
}

}  // namespace densq::tool
