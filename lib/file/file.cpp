// SPDX-License-Identifier: MIT
#include "lib/file/file.hpp"

#include "lib/base/fault.hpp"
#include "lib/file/prove.hpp"

namespace densq {
namespace {

// Takes over `bytes`, even if it fails.
densq_status open_bytes(densq_file **out, const Bytes &bytes, const OpenOptions &options,
                        densq_fault *fault) {
    Directory directory;
    densq_status status =
        prove(bytes.data, bytes.size, options.skip_checksum, crc32c_function(), &directory, fault);
    void *memory = nullptr;
    if (!status) {
        memory = allocate(options.allocator, sizeof(densq_file), alignof(densq_file));
        if (!memory)
            status = fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory for the file's record, ",
                          sizeof(densq_file), " bytes");
    }
    if (status) {
        drop_bytes(bytes, options.allocator);
        return status;
    }
    *out = static_cast<densq_file *>(memory);
    **out = densq_file{options.allocator, bytes, directory};
    return DENSQ_OK;
}

}  // namespace

densq_status open_path(densq_file **out, const char *path, const OpenOptions &options,
                       densq_fault *fault) {
    Bytes bytes;
    const densq_status status =
        load_file(&bytes, path, options.max_bytes, options.copy, options.allocator, fault);
    return status ? status : open_bytes(out, bytes, options, fault);
}

densq_status open_memory(densq_file **out, const void *data, size_t size,
                         const OpenOptions &options, densq_fault *fault) {
    Bytes bytes;
    const densq_status status =
        take_memory(&bytes, data, size, options.max_bytes, options.copy, options.allocator, fault);
    return status ? status : open_bytes(out, bytes, options, fault);
}

void close_file(densq_file *file) {
    const Allocator allocator = file->allocator;
    drop_bytes(file->bytes, allocator);
    release(allocator, file, sizeof *file);
}

}  // namespace densq
