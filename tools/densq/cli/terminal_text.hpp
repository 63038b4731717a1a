// SPDX-License-Identifier: MIT
// terminal_text.hpp - texts for a terminal, from files that may come from anyone.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace densq::tool {

constexpr size_t kTerminalColumns = 80;

// printf into a string; the compiler checks its arguments.
[[gnu::format(printf, 1, 2)]] std::string text_of(const char *format, ...);

// "1.23 GB", with three digits.
std::string size_text(double bytes);
inline std::string size_text(uint64_t bytes) { return size_text(static_cast<double>(bytes)); }

// "6.74 billion".
std::string count_text(double count);

// "6.74 G".
std::string short_count(uint64_t count);

// How many columns of a terminal a text takes, at most: characters from far away count twice.
size_t columns_of(std::string_view text);

// The text filled up with spaces to so many columns; a longer one loses its middle: "begin...end".
std::string fit(std::string_view text, size_t columns);

// The words of the text in lines that fit a terminal; the first line begins with `label`, the
// others with as many spaces.
std::string wrapped(std::string_view label, std::string_view text);

}  // namespace densq::tool
