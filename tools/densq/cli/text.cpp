// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <vector>

namespace densq::tool {
namespace {

constexpr size_t kColumns = 80;

std::string with_unit(double value, const std::array<const char *, 5> &units) {
    size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
    const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    char text[64];
    std::snprintf(text, sizeof text, "%.*f%s", decimals, value, units[unit]);
    return text;
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

bool is_control(std::string_view character) {
    const auto byte = static_cast<unsigned char>(character[0]);
    return byte < 0x20 || byte == 0x7F || (byte == 0xC2 && character < "\xC2\xA0");
}

}  // namespace

std::string size_text(double bytes) { return with_unit(bytes, {" B", " kB", " MB", " GB", " TB"}); }

std::string count_text(double count) {
    return with_unit(count, {"", " thousand", " million", " billion", " trillion"});
}

std::string printable(std::string_view text) {
    std::string result;
    for (const std::string_view character : characters_of(text)) {
        if (!is_control(character)) {
            result += character;
            continue;
        }
        char code[8];
        std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned char>(character.back()));
        result += code;
    }
    return result;
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
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
        const bool first = line.size() == (result.empty() ? label : indent).size();
        if (!first && columns_of(line) + 1 + columns_of(word) > kColumns) {
            result += line + "\n";
            line = indent + word;
        } else {
            line += (first ? "" : " ") + word;
        }
    }
    return result + line + "\n";
}

}  // namespace densq::tool
