// SPDX-License-Identifier: MIT
// test_utf8.cpp - every code point, and every sequence of up to four bytes at the edges.
#include <doctest/doctest.h>

#include <string>

#include "lib/file/utf8.hpp"

using namespace densq;

namespace {

std::string encode(uint32_t point) {
    const auto byte = [](uint32_t value) { return static_cast<char>(value); };
    if (point < 0x80) return {byte(point)};
    if (point < 0x800) return {byte(0xC0 | point >> 6), byte(0x80 | (point & 0x3F))};
    if (point < 0x10000)
        return {byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 0x3F)),
                byte(0x80 | (point & 0x3F))};
    return {byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 0x3F)),
            byte(0x80 | (point >> 6 & 0x3F)), byte(0x80 | (point & 0x3F))};
}

size_t prefix(const std::string &text) { return utf8_prefix(text.data(), text.size()); }
size_t control(const std::string &text) { return find_control(text.data(), text.size()); }

}  // namespace

TEST_CASE("all code points but surrogates") {
    size_t wrong = 0;
    for (uint32_t point = 0; point < 0x110000; ++point) {
        const std::string text = encode(point);
        const bool surrogate = point >= 0xD800 && point < 0xE000;
        wrong += prefix(text) != (surrogate ? 0 : text.size());
    }
    CHECK(wrong == 0);
    CHECK(prefix(encode(0x110000)) == 0);
}

// A code point has one encoding; so among all sequences of a length, as many must be accepted as
// there are code points of that length.
TEST_CASE("all sequences of two and three bytes, and of four at the edges") {
    size_t two = 0, three = 0, four = 0;
    std::string text(2, '\0');
    for (int a = 0x80; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            text = {static_cast<char>(a), static_cast<char>(b)};
            two += prefix(text) == 2;
            for (int c = 0; c < 256; ++c) {
                text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
                if (a >= 0xE0) three += prefix(text) == 3;
                for (const int d : {0x7F, 0x80, 0xBF, 0xC0}) {
                    text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c),
                            static_cast<char>(d)};
                    if (a >= 0xF0) four += prefix(text) == 4;
                }
            }
        }
    CHECK(two == 0x800 - 0x80);
    CHECK(three == 0x10000 - 0x800 - 0x800);
    CHECK(four == (0x110000 - 0x10000) / 64 * 2);
}

TEST_CASE("the prefix ends where the first bad sequence begins") {
    for (size_t before = 0; before < 20; ++before)
        for (size_t after = 0; after < 20; ++after) {
            const std::string head(before, 'a'), tail(after, 'b');
            CHECK(prefix(head + tail) == before + after);
            CHECK(prefix(head + "\xc3\xa9" + tail) == before + 2 + after);
            CHECK(prefix(head + "\xff" + tail) == before);
            CHECK(prefix(head + tail + "\xf0\x9f\x98") == before + after);  // cut off
        }
}

TEST_CASE("control characters") {
    for (uint32_t point = 0; point < 0x800; ++point) {
        const bool is_control = point < 0x20 || (point >= 0x7F && point < 0xA0);
        const std::string text = "ab" + encode(point) + "c";
        CHECK(control(text) == (is_control ? 2 : text.size()));
    }
}
