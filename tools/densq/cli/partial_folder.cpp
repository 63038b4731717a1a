// SPDX-License-Identifier: MIT
#include "partial_folder.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "terminal_text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace fs = std::filesystem;

namespace {

// Where a link leads, and without a slash at the end.
fs::path real_place(const fs::path &folder) {
    const fs::path place = fs::weakly_canonical(fs::absolute(folder));
    return place.has_filename() ? place : place.parent_path();
}

}  // namespace

PartialFolder::PartialFolder(const fs::path &folder)
    : target(real_place(folder)), path(target.string() + ".partial") {
    if (!fs::is_directory(target.parent_path()))
        throw DataError(target.parent_path().string() + ": no such folder");
    if (fs::exists(target) && (!fs::is_directory(target) || !fs::is_empty(target)))
        throw DataError(target.string() + ": is there and is no empty folder; name a new one");
    if (fs::exists(fs::symlink_status(path)))
        throw DataError(path.string() +
                        ": is there; if another export is not just writing it, one has been "
                        "killed: remove it");
}

PartialFolder::~PartialFolder() {
    std::error_code ignored;
    if (made) fs::remove_all(path, ignored);
}

void PartialFolder::make(uint64_t bytes) {
    const uint64_t space = fs::space(target.parent_path()).available;
    if (bytes > space)
        throw DataError(target.string() + ": takes " + size_text(bytes) + ", but " +
                        size_text(space) + " are free there");
    made = fs::create_directory(path);
}

void PartialFolder::finish() {
    if (std::rename(path.c_str(), target.c_str()) != 0)
        throw DataError(target.string() + ": cannot rename " + path.filename().string() +
                        " to it: " + std::strerror(errno));
    made = false;
}

}  // namespace densq::tool
