// SPDX-License-Identifier: MIT
#include "terminal_text.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <sstream>
#include <vector>

namespace densq::tool {
namespace {

std::string with_unit(double value, const std::array<const char *, 5> &units) {
    size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
    const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return text_of("%.*f%s", decimals, value, units[unit]);
}

// The characters of a UTF-8 text.
std::vector<std::string_view> characters_of(std::string_view text) {
    std::vector<std::string_view> characters;
    for (size_t begin = 0; begin < text.size();) {
        size_t end = begin + 1;
        while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
        characters.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return characters;
}

// Up to U+10FF (two bytes, and the first ones of three) letters are narrow.
size_t width_of(std::string_view character) {
    return character.size() < 3 || character < "\xE1\x84\x80" ? 1 : 2;
}

}  // namespace

std::string text_of(const char *format, ...) {  // NOLINT(cert-dcl50-cpp)
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    std::string text(static_cast<size_t>(std::vsnprintf(nullptr, 0, format, arguments)), '\0');
    std::vsnprintf(text.data(), text.size() + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

std::string size_text(double bytes) { return with_unit(bytes, {" B", " kB", " MB", " GB", " TB"}); }

std::string count_text(double count) {
    return with_unit(count, {"", " thousand", " million", " billion", " trillion"});
}

std::string short_count(uint64_t count) {
    return with_unit(static_cast<double>(count), {" ", " k", " M", " G", " T"});
}

size_t columns_of(std::string_view text) {
    size_t columns = 0;
    for (const std::string_view character : characters_of(text)) columns += width_of(character);
    return columns;
}

std::string fit(std::string_view text, size_t columns) {
    constexpr std::string_view kGap = "...";
    const size_t width = columns_of(text);
    if (width <= columns) return std::string(text).append(columns - width, ' ');
    const std::vector<std::string_view> characters = characters_of(text);
    const size_t room = columns - kGap.size();
    std::string head, tail;
    size_t head_columns = 0, tail_columns = 0;
    for (size_t i = 0; (head_columns += width_of(characters[i])) <= room / 2; ++i)
        head += characters[i];
    for (size_t i = characters.size();
         (tail_columns += width_of(characters[--i])) <= room - room / 2;)
        tail.insert(0, characters[i]);
    return fit(head.append(kGap).append(tail), columns);
}

std::string wrapped(std::string_view label, std::string_view text) {
    const std::string indent(columns_of(label), ' ');
    std::string result, line(label);
    size_t used = indent.size();
    const auto end_line = [&] {
        result += line + "\n";
        line = indent;
        used = indent.size();
    };
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
        if (used > indent.size()) {
            if (used + 1 + columns_of(word) > kTerminalColumns) {
                end_line();
            } else {
                line += ' ';
                ++used;
            }
        }
        for (const std::string_view character : characters_of(word)) {
            if (used + width_of(character) > kTerminalColumns) end_line();
            line += character;
            used += width_of(character);
        }
    }
    return result + line + "\n";
}

}  // namespace densq::tool
