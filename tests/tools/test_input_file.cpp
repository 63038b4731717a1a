// SPDX-License-Identifier: MIT
// Texts and special files: absent, unreadable and foreign ones are told apart.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <unistd.h>

#include "densq/format.h"
#include "tests/tools/temporary.hpp"
#include "tools/densq/format/input_file.hpp"
#include "tools/densq/format/mapped_file.hpp"
#include "tools/densq/format/text.hpp"

using namespace densq::test;
using namespace densq::tool;
namespace fs = std::filesystem;

namespace {

std::string text_error(const fs::path &path) {
    return error_of([&] { read_text(path); });
}

// UTF-8 of a code point below 2^21, also of those that are none.
std::string encode(uint32_t code, int bytes) {
    const auto part = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (bytes == 1) return {static_cast<char>(code)};
    if (bytes == 2) return {static_cast<char>(0xC0 | code >> 6), part(0)};
    if (bytes == 3) return {static_cast<char>(0xE0 | code >> 12), part(6), part(0)};
    return {static_cast<char>(0xF0 | code >> 18), part(12), part(6), part(0)};
}

}  // namespace

TEST_CASE("text: UTF-8 of every code point, and of every overlong form") {
    for (uint32_t code = 0; code < 1u << 21; ++code) {
        const int shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        const bool valid = code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
        for (int bytes = shortest; bytes <= 4; ++bytes) {
            const std::string text = encode(code, bytes) + "x";
            const bool good = valid && bytes == shortest;
            if (utf8_prefix(text) != (good ? text.size() : 0)) FAIL(code << " in " << bytes);
            if (good && has_control(text) != (code < 0x20 || (code >= 0x7F && code < 0xA0)))
                FAIL(code);
        }
    }
}

TEST_CASE("text: where UTF-8 ends") {
    CHECK(utf8_prefix("") == 0);
    CHECK(utf8_prefix("caf\xC3\xA9") == 5);
    CHECK(utf8_prefix("caf\xE9") == 3);
    CHECK(utf8_prefix("a\x80") == 1);
    for (const char *cut :
         {"\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xE2\x82z", "\xF8\x88\x80\x80\x80", "\xFF", "\xFE"})
        CHECK(utf8_prefix(std::string("ab") + cut) == 2);
}

TEST_CASE("text: what stands in messages") {
    CHECK(printable("caf\xC3\xA9") == "caf\xC3\xA9");
    CHECK(printable(std::string_view("a\0b\t\x1B[2J\x7F", 9)) == "a\\x00b\\x09\\x1b[2J\\x7f");
    CHECK(printable("\xC2\x9B \xFF") == "\\xc2\\x9b \\xff");
    CHECK(printable(std::string(200, 'a'), 10) == "aaaaa...aaaaa");
    CHECK(list_names({}) == "");
    CHECK(list_names({"a", "b\n"}) == "'a', 'b\\x0a'");
    CHECK(list_names({"a", "b", "c", "d", "e"}) == "'a', 'b', 'c' and 2 more");
}

TEST_CASE("input file: the text of a file") {
    TemporaryFolder folder;
    const std::string text("a\0\r\n\xC3\xA9", 6);
    CHECK(read_text(write_text(folder.path / "a", text)) == text);
    CHECK(read_text(write_text(folder.path / "a", "\xEF\xBB\xBF{}")) == "{}");
    CHECK(read_text(write_text(folder.path / "a", "")) == "");
    const std::string large(3 << 20, 'x');
    CHECK(read_text(write_text(folder.path / "a", large)) == large);
    CHECK(!read_text(folder.path / "none"));
    CHECK(!read_text(folder.path / "a" / "none"));
}

TEST_CASE("input file: what is no text, or cannot be read") {
    TemporaryFolder folder;
    const fs::path path = folder.path / "config.json";
    CHECK(contains(text_error(folder.path), "is a folder, not a file"));
    CHECK(contains(text_error(write_text(path, "{\"a\":\"caf\xE9\"}")),
                   "config.json: is not UTF-8 at byte 9; save it as UTF-8"));
    CHECK(contains(text_error(write_text(path, "\xFF\xFE{")), "is not UTF-8 at byte 0"));
    CHECK(contains(text_error(write_text(path, "version https://git-lfs.github.com/spec/v1\noid")),
                   "is a git-lfs pointer, not the file itself; run 'git lfs pull'"));
    CHECK(contains(text_error(write_text(path, "<!DOCTYPE html>")), "is a web page"));
    write_text(path, "");
    fs::resize_file(path, uint64_t(DENSQ_MAX_VALUE_BYTES) + (2 << 20));
    CHECK(contains(text_error(path), "is longer than the 268435456 bytes"));
    // A regular file whose first byte cannot be read.
    fs::create_symlink("/proc/self/mem", folder.path / "broken");
    CHECK(contains(text_error(folder.path / "broken"), "cannot be read: Input/output error"));
    fs::create_symlink("nothing", folder.path / "link");
    CHECK(contains(text_error(folder.path / "link"), "is a symbolic link to a file that is not"));
    if (geteuid() != 0) {
        write_text(path, "{}");
        fs::permissions(path, fs::perms::none);
        CHECK(contains(text_error(path), "config.json: cannot open: Permission denied"));
        fs::permissions(folder.path, fs::perms::none);
        CHECK(contains(text_error(path), "config.json: cannot be looked at: Permission denied"));
        fs::permissions(folder.path, fs::perms::owner_all);
    }
}

TEST_CASE("input file: pipes, sockets and devices are refused without waiting") {
    TemporaryFolder folder;
    const fs::path pipe = folder.path / "pipe", socket_path = folder.path / "socket";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    REQUIRE(socket_path.string().size() < sizeof address.sun_path);
    socket_path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int bound = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(bound, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    struct Special {
        fs::path path;
        const char *kind;
    };
    for (const Special &special : {Special{pipe, "is a pipe"}, Special{socket_path, "is a socket"},
                                   Special{"/dev/zero", "is a device"}}) {
        CHECK_MESSAGE(contains(text_error(special.path), special.kind), text_error(special.path));
        CHECK(error_of([&] { kind_of(special.path); }) == text_error(special.path));
        CHECK(error_of([&] { InputFile file(special.path); }) != "");
    }
    CHECK(contains(error_of([&] { InputFile file(pipe); }), "is not a regular file"));
    close(bound);
}

TEST_CASE("mapped file: found by an address inside it, as long as it lives") {
    TemporaryFolder folder;
    const auto first = std::make_unique<MappedFile>(write_text(folder.path / "a", "12345678"));
    auto second = std::make_unique<MappedFile>(write_text(folder.path / "b", "1"));
    const auto third = std::make_unique<MappedFile>(write_text(folder.path / "c", "1"));
    const uint8_t *inside = second->bytes;
    CHECK(MappedFile::name_at(first->bytes) == (folder.path / "a").string());
    CHECK(MappedFile::name_at(first->bytes + 7) == (folder.path / "a").string());
    CHECK(MappedFile::name_at(inside) == (folder.path / "b").string());
    CHECK(MappedFile::name_at(&folder) == nullptr);
    second.reset();
    CHECK(MappedFile::name_at(inside) == nullptr);
    CHECK(MappedFile::name_at(first->bytes) == (folder.path / "a").string());
    CHECK(MappedFile::name_at(third->bytes) == (folder.path / "c").string());
    CHECK(MappedFile(write_text(folder.path / "empty", "")).size == 0);
}

TEST_CASE("mapped file: cut, grown and replaced") {
    TemporaryFolder folder;
    const fs::path path = write_text(folder.path / "a", "12345678");
    const MappedFile file(path);
    file.require_whole();
    fs::resize_file(path, 9);
    file.require_whole();
    fs::resize_file(path, 7);
    CHECK(error_of([&] { file.require_whole(); }) ==
          path.string() + ": was cut while it was read, to 7 of 8 bytes");
    const MappedFile other(write_text(folder.path / "b", "12345678"));
    fs::rename(write_text(folder.path / "c", "1"), folder.path / "b");
    other.require_whole();
}

TEST_CASE("mapped file: a page that is lost ends the program with a message") {
    TemporaryFolder folder;
    const fs::path path = write_text(folder.path / "a", std::string(1 << 16, 'x'));
    const MappedFile file(path);
    fs::resize_file(path, 1);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        catch_lost_pages();
        const volatile uint8_t *lost = file.bytes + (1 << 15);
        _exit(*lost);
    }
    close(ends[1]);
    std::string said;
    for (char byte; read(ends[0], &byte, 1) == 1;) said += byte;
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    close(ends[0]);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 1);
    CHECK(said == "densq: " + path.string() + ": was cut while it was read, or its disk fails\n");
}
