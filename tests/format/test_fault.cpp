// SPDX-License-Identifier: MIT
// test_fault.cpp - messages are bounded and safe to print, whatever names they show.
#include <doctest/doctest.h>

#include <string>

#include "lib/base/fault.hpp"

using namespace densq;

namespace {

template <typename... Pieces>
std::string text(Pieces... pieces) {
    struct {
        densq_fault fault;
        char behind[8] = {'b', 'e', 'h', 'i', 'n', 'd', '!', '\0'};
    } memory;
    CHECK(fail(&memory.fault, DENSQ_ERR_IO, 7, pieces...) == DENSQ_ERR_IO);
    CHECK(memory.fault.offset == 7);
    CHECK(std::string(memory.behind) == "behind!");
    return memory.fault.text;
}

Name name(const std::string &bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

TEST_CASE("pieces") {
    CHECK(text("a", uint64_t{0}, " ", UINT64_MAX) == "a0 18446744073709551615");
    CHECK(text(Hex{0}, " ", Hex{0xDEADBEEF}) == "0x0 0xdeadbeef");
    CHECK(text(Subject{DENSQ_METADATA, name("k")}, ": x") == "metadata 'k': x");
    CHECK(text(Subject{DENSQ_MATRIX, name("k")}) == "matrix 'k'");
    CHECK(text(Subject{DENSQ_TENSOR, name("k")}) == "tensor 'k'");
}

TEST_CASE("no fault record") { CHECK(fail(nullptr, DENSQ_ERR_IO, 7, "x") == DENSQ_ERR_IO); }

TEST_CASE("names are escaped") {
    CHECK(text(name("a b~")) == "'a b~'");
    CHECK(text(name("\x1b[31m'\\\x7f")) == "'\\x1b[31m\\x27\\x5c\\x7f'");
    CHECK(text(name("\xc3\xa9")) == "'\\xc3\\xa9'");
    CHECK(text(name(std::string(1, '\0'))) == "'\\x00'");
    CHECK(text(name("")) == "''");
}

TEST_CASE("long names lose their middle") {
    const std::string head(36, 'h'), tail(36, 't');
    CHECK(text(name(head + tail)) == "'" + head + tail + "'");
    CHECK(text(name(head + "m" + tail)) == "'" + head + "..." + tail + "'");
    std::string nine_escapes;
    for (int i = 0; i < 9; ++i) nine_escapes += "\\x01";
    CHECK(text(name(std::string(255, '\x01'))) == "'" + nine_escapes + "..." + nine_escapes + "'");
}

TEST_CASE("a message that is too long is cut") {
    const std::string words(500, 'w');
    CHECK(text(words.c_str()) == std::string(239, 'w'));
    CHECK(text(words.c_str(), "more", uint64_t{5}, name("n")) == std::string(239, 'w'));
}
