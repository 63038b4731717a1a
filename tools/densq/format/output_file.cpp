// SPDX-License-Identifier: MIT
#include "output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/densq/errors.hpp"

namespace densq::tool {

OutputFile::OutputFile(const std::filesystem::path &path_, uint64_t bytes)
    : path(path_), file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (file < 0) fail("create");
    // Not posix_fallocate, which writes zeros where the file system cannot reserve.
    const bool reserved = bytes == 0 || fallocate(file, 0, 0, static_cast<off_t>(bytes)) == 0;
    if (reserved || (errno != ENOSPC && errno != EDQUOT && errno != EFBIG)) return;
    const int why = errno;
    close(file);
    errno = why;
    fail("reserve the space of");
}

OutputFile::~OutputFile() {
    if (file >= 0) close(file);
}

void OutputFile::fail(const char *what) const {
    throw DataError(path.string() + ": cannot " + what + " it: " + std::strerror(errno));
}

void OutputFile::write(const void *data, uint64_t bytes) {
    const auto *at = static_cast<const uint8_t *>(data);
    while (bytes > 0) {
        const ssize_t written = ::write(file, at, std::min<uint64_t>(bytes, 1 << 30));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("write");
        at += written;
        bytes -= static_cast<uint64_t>(written);
    }
}

void OutputFile::finish() {
    if (fsync(file) != 0) fail("complete");
    const int closed = close(file);
    file = -1;
    if (closed != 0) fail("close");
}

void write_file(const std::filesystem::path &path, std::string_view text) {
    OutputFile file(path, text.size());
    file.write(text.data(), text.size());
    file.finish();
}

}  // namespace densq::tool
