// SPDX-License-Identifier: MIT
#include "output_target.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path &path, const std::string &why) {
    throw DataError("the output " + path.string() + " " + why);
}

[[noreturn]] void refuse_errno(const fs::path &path, const std::string &what) {
    refuse(path, what + ": " + std::strerror(errno));
}

// The state of what a path leads to; nothing if it leads nowhere yet.
std::optional<struct stat> state_of(const fs::path &path) {
    struct stat state;
    if (stat(path.c_str(), &state) == 0) return state;
    if (errno != ENOENT) refuse_errno(path, "cannot be written");
    return std::nullopt;
}

const char *kind_of(mode_t mode) {
    return S_ISDIR(mode)    ? "a folder"
           : S_ISCHR(mode)  ? "a device"
           : S_ISBLK(mode)  ? "a device"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "no file";
}

// Follows links by hand: the last may lead to a file that is still to be made.
fs::path follow_links(fs::path path) {
    constexpr int kMaxLinks = 40;  // as Linux has it
    for (int links = 0; fs::is_symlink(fs::symlink_status(path)); ++links) {
        if (links == kMaxLinks) refuse(path, "is behind too many symbolic links");
        path = path.parent_path() / fs::read_symlink(path);
    }
    return path;
}

}  // namespace

OutputTarget::OutputTarget(const fs::path &given) : path(given) {
    if (const auto state = state_of(path)) {
        if (!S_ISREG(state->st_mode))
            refuse(path, std::string("is ") + kind_of(state->st_mode) + "; name a file");
        mode = state->st_mode & 0777;
    }
    path = follow_links(path);
    if (!path.has_filename()) refuse(given, "is no name of a file");
    folder = path.has_parent_path() ? path.parent_path() : ".";
    if (access(folder.c_str(), W_OK | X_OK) != 0)
        refuse_errno(path, "cannot be made in the folder " + folder.string());
    partial = path;
    partial += ".partial";
    state_of(partial);  // its name may be too long where the target's is not
}

void require_room(const OutputTarget &target, uint64_t bytes) {
    const auto require = [&](uint64_t room, const std::string &what_to_do) {
        if (room < bytes)
            refuse(target.path, "needs " + std::to_string(bytes) +
                                    " bytes, but there is room for " + std::to_string(room) + "; " +
                                    what_to_do);
    };
    rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0)
        require(limit.rlim_cur, "raise the limit of a file's size with ulimit -f");
    struct statvfs system;
    if (statvfs(target.folder.c_str(), &system) != 0 || system.f_blocks == 0) return;  // unknown
    const auto partial = state_of(target.partial);
    const auto held = partial ? static_cast<uint64_t>(partial->st_blocks) * 512 : 0;
    require(static_cast<uint64_t>(system.f_bavail) * system.f_frsize + held,
            "free some or choose another output");
}

}  // namespace densq::tool
