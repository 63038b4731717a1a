// SPDX-License-Identifier: MIT
#include "partial_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "densq/densq.h"
#include "densq/format.h"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

// Stands where the header will be.
struct Mark {
    char text[32] = "unfinished densq file\n";
    uint64_t fingerprint = 0;
    uint8_t reserved[88] = {};
};
constexpr mode_t kOwnerReadsAndWrites = S_IRUSR | S_IWUSR;  // what the owner needs to go on
static_assert(sizeof(Mark) == sizeof(densq_file_header));

template <typename Call>
auto retry_interrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

bool is_mark(const Mark &mark) {
    const Mark expected;
    return std::memcmp(mark.text, expected.text, sizeof mark.text) == 0;
}

}  // namespace

bool is_partial_file(const std::filesystem::path &path) {
    Mark mark;
    std::ifstream in(path, std::ios::binary);
    return in.read(reinterpret_cast<char *>(&mark), sizeof mark) && is_mark(mark);
}

void PartialFile::fail(const char *what) const {
    throw DataError(target.partial.string() + ": cannot " + what + ": " + std::strerror(errno));
}

PartialFile::PartialFile(const OutputTarget &target_) : target(target_) {
    try {
        while (!open_and_lock()) close(file);
        identify();
    } catch (...) {
        if (file >= 0) close(file);
        throw;
    }
}

PartialFile::~PartialFile() {
    if (file < 0) return;
    if (!worth_keeping) unlink(target.partial.c_str());
    close(file);
}

// False if another run has finished between the two, so that the name no longer leads to this file.
bool PartialFile::open_and_lock() {
    // O_NONBLOCK: a pipe of that name is to be found out, not waited for.
    file = open(target.partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                target.mode.value_or(0666) | kOwnerReadsAndWrites);
    if (file < 0) fail("create");
    // Some network file systems have no locks.
    if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw DataError(target.partial.string() + ": another run is writing it");
    struct stat opened, named;
    if (fstat(file, &opened) != 0) fail("look at it");
    return stat(target.partial.c_str(), &named) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

void PartialFile::identify() {
    struct stat info;
    if (fstat(file, &info) != 0) fail("look at it");
    const bool regular = S_ISREG(info.st_mode);
    if (regular && info.st_size == 0) return;
    worth_keeping = true;
    Mark mark;
    if (regular) read(0, &mark, sizeof mark);
    found_fingerprint = mark.fingerprint;
    if (regular && is_mark(mark))
        found = State::kUnfinished;
    else if (regular && std::memcmp(mark.text, DENSQ_MAGIC, DENSQ_MAGIC_BYTES) == 0)
        found = State::kComplete;
    else
        throw DataError(target.partial.string() +
                        ": is needed for the output, but holds something else; move it away");
}

void PartialFile::begin(uint64_t fingerprint, uint64_t bytes) {
    require_room(target, bytes);
    worth_keeping = false;
    if (ftruncate(file, 0) != 0) fail("empty it");
    mark(fingerprint);
    reserve(bytes);
}

void PartialFile::go_on(uint64_t fingerprint, uint64_t bytes) {
    require_room(target, bytes);
    reserve(bytes);
    mark(fingerprint);
}

// On disk at once: after a power failure the file must not be taken for someone else's.
void PartialFile::mark(uint64_t fingerprint) {
    if (target.mode) set_mode(*target.mode | kOwnerReadsAndWrites);
    Mark mark;
    mark.fingerprint = fingerprint;
    write(0, &mark, sizeof mark);
    sync();
}

void PartialFile::reserve(uint64_t bytes) {
    const auto size = static_cast<off_t>(bytes);
#ifdef __linux__
    // Not posix_fallocate, which writes all of the file where this is not supported.
    if (retry_interrupted([&] { return fallocate(file, 0, 0, size); }) != 0 &&
        errno != EOPNOTSUPP && errno != ENOSYS)
        fail("reserve its bytes");
#endif
    if (ftruncate(file, size) != 0) fail("give it its size");
}

void PartialFile::write(uint64_t offset, const void *data, uint64_t bytes) {
    const auto *at = static_cast<const uint8_t *>(data);
    while (bytes > 0) {
        const ssize_t written = retry_interrupted([&] {
            return pwrite(file, at, std::min<uint64_t>(bytes, 1 << 30), static_cast<off_t>(offset));
        });
        if (written <= 0) fail("write");
        at += written;
        offset += static_cast<uint64_t>(written);
        bytes -= static_cast<uint64_t>(written);
    }
}

// What is behind the end reads as zeros.
void PartialFile::read(uint64_t offset, void *data, uint64_t bytes) const {
    auto *at = static_cast<uint8_t *>(data);
    while (bytes > 0) {
        const ssize_t got = retry_interrupted([&] {
            return pread(file, at, std::min<uint64_t>(bytes, 1 << 30), static_cast<off_t>(offset));
        });
        if (got < 0) fail("read");
        if (got == 0) break;
        at += got;
        offset += static_cast<uint64_t>(got);
        bytes -= static_cast<uint64_t>(got);
    }
    std::memset(at, 0, bytes);
}

// Some file systems give all files the same permissions, and refuse to change them.
void PartialFile::set_mode(mode_t mode) {
    struct stat info;
    if (fstat(file, &info) != 0 || ((info.st_mode & 0777) != mode && fchmod(file, mode) != 0))
        fail("set its permissions");
}

void PartialFile::sync() {
    if (fsync(file) != 0) fail("complete it on disk");
}

void PartialFile::complete() {
    densq_file *opened = nullptr;
    densq_fault fault = {};
    const densq_status status = densq_open_path(&opened, target.partial.c_str(), nullptr, &fault);
    if (status == DENSQ_ERR_IO || status == DENSQ_ERR_MEMORY)
        throw DataError(target.path.string() + ": cannot be proved: " + fault.text);
    if (status != DENSQ_OK)
        throw DataError(target.path.string() +
                        ": what was written does not prove right: " + fault.text);
    densq_close(&opened);
    if (target.mode) set_mode(*target.mode);
    if (rename(target.partial.c_str(), target.path.c_str()) != 0)
        fail("give it the name of the output");
    // Only now, so that the lock holds until the name is right.
    close(file);
    file = -1;
    const int directory = open(target.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
}

}  // namespace densq::tool
