// SPDX-License-Identifier: MIT
// output_target.hpp - where an output goes, checked before any work.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace densq::tool {

// A regular file that is there or can be made.  DataError for anything else: a folder, a device, a
// pipe, a place where nothing can be written.
class OutputTarget {
public:
    OutputTarget(const std::filesystem::path &given);  // implicit: a path is what a target is

    std::filesystem::path path;     // with symbolic links to the file followed
    std::filesystem::path partial;  // where it grows, beside it
    std::filesystem::path folder;   // of both
    std::optional<mode_t> mode;     // permissions of the file it replaces
};

// DataError if its file system, or the limit of a file's size, has no room for so many bytes. Those
// that its partial file has already count as free.
void require_room(const OutputTarget &target, uint64_t bytes);

}  // namespace densq::tool
