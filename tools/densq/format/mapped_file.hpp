// SPDX-License-Identifier: MIT
// mapped_file.hpp - a file in memory, and what happens if somebody cuts it there.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>

#include "input_file.hpp"

namespace densq::tool {

// Made and destroyed by the main thread only; read by all.
class MappedFile {
public:
    // DataError if it cannot be opened or is no regular file.
    explicit MappedFile(const std::filesystem::path &path);
    ~MappedFile();
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;

    // DataError if it has been cut since it was opened: what is missing in its last page is read as
    // zeros.
    void require_whole() const { file.require_whole(); }

    const uint8_t *bytes = nullptr;
    uint64_t size = 0;

    // The name of the file that this address lies in; nullptr if it is in none.  May be called in a
    // signal handler.
    static const char *name_at(const void *address);

private:
    const InputFile file;
    std::atomic<MappedFile *> older = nullptr;
};

// After this call, the program ends with a message and status 1 when a page of a mapped file cannot
// be had: because the file was cut, or its disk fails.
void catch_lost_pages();

}  // namespace densq::tool
