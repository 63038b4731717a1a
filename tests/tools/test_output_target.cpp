// SPDX-License-Identifier: MIT
// Where an output may go, and what it replaces.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/tools/temporary.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/file_writer.hpp"

using namespace densq::test;
using namespace densq::tool;

namespace fs = std::filesystem;

namespace {

mode_t mode_of(const fs::path &path) {
    struct stat info;
    REQUIRE(stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777;
}

void write_empty_file(const OutputTarget &target) { FileWriter(target, {}).finish(); }

void make_socket(const fs::path &path) {
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    REQUIRE(path.string().size() < sizeof address.sun_path);
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(file, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    close(file);
}

void refused(const fs::path &path, const std::string &part) {
    const std::string message = error_of([&] { const OutputTarget target(path); });
    CHECK_MESSAGE(contains(message, part), path.string(), ": ", message);
}

}  // namespace

TEST_CASE("target: a new file has the permissions of any new file") {
    const TemporaryFolder folder;
    const fs::path target = folder.path / "out.densq";
    for (const mode_t mask : {0022u, 0077u}) {
        const mode_t before = umask(mask);
        write_empty_file(target);
        umask(before);
        CHECK(mode_of(target) == (0666 & ~mask));
        fs::remove(target);
    }
}

TEST_CASE("target: a file that is replaced keeps its permissions, and nobody else sees more") {
    const TemporaryFolder folder;
    for (const mode_t mode : {0600u, 0444u, 0755u, 0666u}) {
        const fs::path target = write_text(folder.path / "out.densq", "before");
        REQUIRE(chmod(target.c_str(), mode) == 0);
        write_text(folder.path / "out.densq.partial", "");
        REQUIRE(chmod((folder.path / "out.densq.partial").c_str(), 0777) == 0);
        {
            FileWriter writer(target, {});
            CHECK((mode_of(folder.path / "out.densq.partial") & ~(mode | 0600)) == 0);
            writer.finish();
        }
        CHECK(mode_of(target) == mode);
        CHECK(folder.files() == 1);
    }
}

TEST_CASE("target: symbolic links are followed, also where their file is still to be made") {
    const TemporaryFolder folder;
    fs::create_directory(folder.path / "sub");
    const fs::path file = folder.path / "sub" / "file";
    fs::create_symlink("sub/file", folder.path / "relative");
    fs::create_symlink(file, folder.path / "absolute");
    fs::create_symlink("relative", folder.path / "chain");
    fs::create_symlink("../relative", folder.path / "sub" / "back");
    fs::create_directory_symlink("sub", folder.path / "folder");
    for (const char *name : {"relative", "absolute", "chain", "sub/back", "folder/file"})
        for (const bool before : {false, true}) {
            fs::remove(file);
            if (before) write_text(file, "before");
            write_empty_file(folder.path / name);
            CHECK_MESSAGE(read_bytes(file).starts_with("DENSQ"), name);
            CHECK(!fs::is_symlink(file));
        }
    for (const char *name : {"relative", "absolute", "chain", "sub/back", "folder"})
        CHECK(fs::is_symlink(folder.path / name));
    CHECK(folder.files() == 5);
}

TEST_CASE("target: what is no file, and where none can be, is refused") {
    const TemporaryFolder folder;
    const fs::path &in = folder.path;
    fs::create_directory(in / "sub");
    fs::create_directory_symlink("sub", in / "link");
    fs::create_symlink("none/file", in / "lost");
    fs::create_symlink("loop", in / "loop");
    write_text(in / "file", "");
    REQUIRE(mkfifo((in / "pipe").c_str(), 0600) == 0);
    make_socket(in / "socket");
    refused(in / "sub", "is a folder; name a file");
    refused(in / "link", "is a folder");
    refused(in / "sub/", "is a folder");
    refused(in / "pipe", "is a pipe");
    refused(in / "socket", "is a socket");
    refused("/dev/null", "is a device");
    refused("/dev/full", "is a device");
    refused("", "is no name of a file");
    refused(in / "new/", "is no name of a file");
    refused(in / "none" / "file", "cannot be made in the folder " + (in / "none").string() +
                                      ": No such file or directory");
    refused(in / "lost", "none: No such file or directory");
    refused(in / "loop", "Too many levels of symbolic links");
    refused(in / "file" / "x", "Not a directory");
    refused(in / std::string(260, 'x'), "File name too long");
    refused(in / std::string(248, 'x'), "File name too long");
    CHECK_NOTHROW(OutputTarget(in / std::string(247, 'x')));
    if (geteuid() != 0) {  // who may write everywhere
        REQUIRE(chmod((in / "sub").c_str(), 0500) == 0);
        refused(in / "sub" / "file", "Permission denied");
    }
    CHECK(folder.files() == 7);
}
