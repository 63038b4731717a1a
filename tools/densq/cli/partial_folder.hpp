// SPDX-License-Identifier: MIT
// partial_folder.hpp - a new folder that appears whole or not at all: it grows as FOLDER.partial,
// which is removed if it does not become FOLDER.
#pragma once
#include <cstdint>
#include <filesystem>

namespace densq::tool {

class PartialFolder {
public:
    // DataError if there is something at its place, unless that is an empty folder.
    explicit PartialFolder(const std::filesystem::path &folder);
    ~PartialFolder();
    PartialFolder(const PartialFolder &) = delete;
    PartialFolder &operator=(const PartialFolder &) = delete;

    // DataError if there is not so much space.
    void make(uint64_t bytes);
    void finish();

    const std::filesystem::path target, path;

private:
    bool made = false;
};

}  // namespace densq::tool
