// SPDX-License-Identifier: MIT
#include "lib/file/bytes.hpp"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "densq/format.h"
#include "lib/base/fault.hpp"

namespace densq {
namespace {

// Not strerror, which may use a locale and a static buffer.
const char *reason(int error) {
    switch (error) {
    case ENOENT: return "no such file";
    case EACCES: return "permission denied";
    case ENOTDIR: return "a folder on the way is not one";
    case ELOOP: return "too many symbolic links";
    case ENAMETOOLONG: return "the path is too long";
    case EMFILE:
    case ENFILE: return "too many open files";
    case ENOMEM: return "the system has no memory for it";
    case EIO: return "the device reports an error";
    default: return "the system refuses";
    }
}

densq_status fail_io(densq_fault *fault, const char *what, const char *path) {
    const int error = errno;
    return fail(fault, DENSQ_ERR_IO, kNoOffset, what, name_of(path), ": ", reason(error),
                " (errno ", static_cast<uint64_t>(error), ")");
}

densq_status check_kind(const struct stat &status, const char *path, densq_fault *fault) {
    const Name name = name_of(path);
    if (S_ISDIR(status.st_mode))
        return fail(fault, DENSQ_ERR_IO, kNoOffset, name, " is a directory, not a file");
    if (!S_ISREG(status.st_mode))
        return fail(fault, DENSQ_ERR_IO, kNoOffset, name,
                    " is not a regular file: read it into memory and open that");
    return DENSQ_OK;
}

densq_status check_size(uint64_t size, uint64_t max_bytes, densq_fault *fault) {
    if (max_bytes && size > max_bytes)
        return fail(fault, DENSQ_ERR_LIMIT, kNoOffset, "the file has ", size,
                    " bytes, the caller's limit is ", max_bytes);
    if (size > SIZE_MAX / 2)
        return fail(fault, DENSQ_ERR_LIMIT, kNoOffset, "the file has ", size,
                    " bytes, more than the address space takes");
    return DENSQ_OK;
}

densq_status map(Bytes *out, int fd, const char *path, densq_fault *fault) {
    void *memory = mmap(nullptr, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) return fail_io(fault, "cannot map ", path);
    out->data = static_cast<const uint8_t *>(memory);
    out->storage = Storage::kMapped;
    return DENSQ_OK;
}

densq_status read_all(int fd, uint8_t *memory, size_t size, const char *path, densq_fault *fault) {
    for (size_t done = 0; done < size;) {
        const ssize_t count = read(fd, memory + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_io(fault, "cannot read ", path);
        if (count == 0)
            return fail(fault, DENSQ_ERR_IO, done, name_of(path),
                        " became shorter while it was read");
        done += static_cast<size_t>(count);
    }
    return DENSQ_OK;
}

uint8_t *allocate_copy(size_t size, const Allocator &allocator, densq_fault *fault) {
    void *memory = allocate(allocator, size, DENSQ_ALIGNMENT);
    if (!memory)
        fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory for a copy of the file, ", size,
             " bytes");
    return static_cast<uint8_t *>(memory);
}

densq_status read_copy(Bytes *out, int fd, const char *path, const Allocator &allocator,
                       densq_fault *fault) {
    uint8_t *memory = allocate_copy(out->size, allocator, fault);
    if (!memory) return DENSQ_ERR_MEMORY;
    const densq_status status = read_all(fd, memory, out->size, path, fault);
    if (status) {
        release(allocator, memory, out->size);
        return status;
    }
    out->data = memory;
    out->storage = Storage::kAllocated;
    return DENSQ_OK;
}

densq_status load(Bytes *out, int fd, const char *path, uint64_t max_bytes, bool copy,
                  const Allocator &allocator, densq_fault *fault) {
    struct stat file;
    if (fstat(fd, &file)) return fail_io(fault, "cannot examine ", path);
    densq_status status = check_kind(file, path, fault);
    if (status) return status;
    const auto size = static_cast<uint64_t>(file.st_size);
    status = check_size(size, max_bytes, fault);
    if (status) return status;
    *out = Bytes{nullptr, static_cast<size_t>(size), Storage::kBorrowed};
    if (!size) return DENSQ_OK;
    return copy ? read_copy(out, fd, path, allocator, fault) : map(out, fd, path, fault);
}

}  // namespace

densq_status load_file(Bytes *out, const char *path, uint64_t max_bytes, bool copy,
                       const Allocator &allocator, densq_fault *fault) {
    int fd;
    do {
        // O_NONBLOCK, because a FIFO without a writer must be refused, not waited for.
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return fail_io(fault, "cannot open ", path);
    const densq_status status = load(out, fd, path, max_bytes, copy, allocator, fault);
    close(fd);
    return status;
}

densq_status take_memory(Bytes *out, const void *data, size_t size, uint64_t max_bytes, bool copy,
                         const Allocator &allocator, densq_fault *fault) {
    const densq_status status = check_size(size, max_bytes, fault);
    if (status) return status;
    *out = Bytes{static_cast<const uint8_t *>(data), size, Storage::kBorrowed};
    if (!copy && reinterpret_cast<uintptr_t>(data) % DENSQ_ALIGNMENT != 0)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "bytes is not at a multiple of ",
                    DENSQ_ALIGNMENT, ": align it, or open with DENSQ_OPEN_COPY");
    if (!copy || !size) return DENSQ_OK;
    uint8_t *memory = allocate_copy(size, allocator, fault);
    if (!memory) return DENSQ_ERR_MEMORY;
    memcpy(memory, data, size);
    out->data = memory;
    out->storage = Storage::kAllocated;
    return DENSQ_OK;
}

void drop_bytes(const Bytes &bytes, const Allocator &allocator) {
    if (bytes.storage == Storage::kMapped)
        munmap(const_cast<uint8_t *>(bytes.data), bytes.size);
    else if (bytes.storage == Storage::kAllocated)
        release(allocator, const_cast<uint8_t *>(bytes.data), bytes.size);
}

}  // namespace densq
