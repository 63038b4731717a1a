// SPDX-License-Identifier: MIT
// test_io.cpp - an operating system that interrupts, gives little at a time, or fails.
//
// open, fstat, mmap and read of this program are replaced by ones that do so on command.
#include <cerrno>
#include <cstdarg>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/opened_files.hpp"

using namespace densq::test;

namespace {

struct Disturbance {
    int open_interrupts = 0;
    int open_error = 0;
    int fstat_error = 0;
    int mmap_error = 0;
    size_t read_at_most = SIZE_MAX;
    unsigned read_interrupts = 0;  // every read is interrupted that often before it succeeds
    unsigned interrupted = 0;
    int read_error = 0;
    unsigned reads_before_error = 0;  // with read_error
    size_t end_of_file_after = SIZE_MAX;
};

Disturbance *disturbance = nullptr;

// Disturbs the functions below while it lives.
struct Disturb : Disturbance {
    Disturb() { disturbance = this; }
    ~Disturb() { disturbance = nullptr; }
};

long failed(int error) {
    errno = error;
    return -1;
}

}  // namespace

extern "C" {

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (disturbance && disturbance->open_interrupts-- > 0) return static_cast<int>(failed(EINTR));
    if (disturbance && disturbance->open_error)
        return static_cast<int>(failed(disturbance->open_error));
    return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int fstat(int fd, struct stat *status) noexcept {
    if (disturbance && disturbance->fstat_error)
        return static_cast<int>(failed(disturbance->fstat_error));
    return fstatat(fd, "", status, AT_EMPTY_PATH);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
    const long result = disturbance && disturbance->mmap_error
                            ? failed(disturbance->mmap_error)
                            : syscall(SYS_mmap, at, size, protection, flags, fd, offset);
    return reinterpret_cast<void *>(result);
}

ssize_t read(int fd, void *to, size_t size) {
    if (!disturbance) return syscall(SYS_read, fd, to, size);
    if (disturbance->interrupted < disturbance->read_interrupts) {
        ++disturbance->interrupted;
        return failed(EINTR);
    }
    disturbance->interrupted = 0;
    if (disturbance->read_error && disturbance->reads_before_error-- == 0)
        return failed(disturbance->read_error);
    if (size > disturbance->read_at_most) size = disturbance->read_at_most;
    if (size > disturbance->end_of_file_after) size = disturbance->end_of_file_after;
    const ssize_t count = syscall(SYS_read, fd, to, size);
    if (disturbance->end_of_file_after != SIZE_MAX && count > 0)
        disturbance->end_of_file_after -= static_cast<size_t>(count);
    return count;
}
}

namespace {

const std::string kSmall = kGolden + "small.densq";

Opened open_copy_of_small() { return open_file(kSmall, DENSQ_OPEN_COPY); }

}  // namespace

TEST_CASE("short and interrupted reads") {
    const std::vector<float> expected = read_matrix(open_file(kSmall).file.get(), 3);
    for (const size_t most : {size_t{1}, size_t{7}, size_t{64}, size_t{4096}, SIZE_MAX})
        for (const unsigned interrupts : {0u, 1u, 3u}) {
            Opened opened;
            {
                Disturb disturb;
                disturb.read_at_most = most;
                disturb.read_interrupts = interrupts;
                opened = open_copy_of_small();
            }
            REQUIRE(opened.status == DENSQ_OK);
            CHECK(read_matrix(opened.file.get(), 3) == expected);
        }
}

TEST_CASE("an interrupted open") {
    for (const uint32_t flags : {0u, static_cast<uint32_t>(DENSQ_OPEN_COPY)}) {
        Disturb disturb;
        disturb.open_interrupts = 3;
        CHECK(open_file(kSmall, flags).status == DENSQ_OK);
        CHECK(disturb.open_interrupts < 0);
    }
}

TEST_CASE("a system that refuses to open says why") {
    const struct {
        int error;
        const char *text;
    } reasons[] = {{ENOENT, "no such file (errno 2)"},
                   {EACCES, "permission denied (errno 13)"},
                   {ENFILE, "too many open files (errno 23)"},
                   {ENOMEM, "the system has no memory for it (errno 12)"},
                   {EPERM, "the system refuses (errno 1)"}};
    for (const auto &reason : reasons) {
        Opened opened;
        {
            Disturb disturb;
            disturb.open_error = reason.error;
            opened = open_file(kSmall);
        }
        CHECK(opened.status == DENSQ_ERR_IO);
        CHECK(opened.fault.offset == UINT64_MAX);
        CHECK(std::strncmp(opened.fault.text, "cannot open '", 13) == 0);
        CHECK(std::strstr(opened.fault.text, reason.text));
    }
}

TEST_CASE("a read that fails, the first or a later one") {
    for (const unsigned reads : {0u, 1u, 20u}) {
        Opened opened;
        {
            Disturb disturb;
            disturb.read_at_most = 100;
            disturb.read_error = EIO;
            disturb.reads_before_error = reads;
            opened = open_copy_of_small();
        }
        CHECK(opened.status == DENSQ_ERR_IO);
        CHECK(std::strncmp(opened.fault.text, "cannot read ", 12) == 0);
        CHECK(std::strstr(opened.fault.text, "the device reports an error (errno 5)"));
    }
}

TEST_CASE("a file that becomes shorter while it is read") {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{5000}}) {
        Opened opened;
        {
            Disturb disturb;
            disturb.end_of_file_after = size;
            opened = open_copy_of_small();
        }
        CHECK(opened.status == DENSQ_ERR_IO);
        CHECK(opened.fault.offset == size);
        CHECK(std::strstr(opened.fault.text, "became shorter while it was read"));
    }
}

TEST_CASE("a system that refuses to examine or map") {
    {
        Opened opened;
        {
            Disturb disturb;
            disturb.mmap_error = ENOMEM;
            opened = open_file(kSmall);
        }
        CHECK(opened.status == DENSQ_ERR_IO);
        CHECK(std::strncmp(opened.fault.text, "cannot map ", 11) == 0);
        CHECK(std::strstr(opened.fault.text, "the system has no memory for it (errno 12)"));
    }
    Opened opened;
    {
        Disturb disturb;
        disturb.fstat_error = EOVERFLOW;
        opened = open_file(kSmall);
    }
    CHECK(opened.status == DENSQ_ERR_IO);
    CHECK(std::strncmp(opened.fault.text, "cannot examine ", 15) == 0);
    CHECK(std::strstr(opened.fault.text, "the system refuses (errno 75)"));
}
