// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace densq::tool {
namespace {

constexpr size_t kMaxListedNames = 3;

// The number of bytes that follow the first one of a character; 4 if it cannot be the first.
size_t bytes_that_follow(uint8_t lead) {
    return lead < 0x80            ? 0
           : lead >> 5 == 0b110   ? 1
           : lead >> 4 == 0b1110  ? 2
           : lead >> 3 == 0b11110 ? 3
                                  : 4;
}

// The number of bytes of the character at the beginning of a text; 0 if it is malformed.
size_t character_bytes(std::string_view text) {
    constexpr uint32_t kFirstOfLength[] = {0, 0x80, 0x800, 0x10000};
    const auto lead = static_cast<uint8_t>(text[0]);
    const size_t more = bytes_that_follow(lead);
    if (more > 3 || more >= text.size()) return 0;
    uint32_t code = more ? lead & (0x3Fu >> more) : lead;
    for (size_t i = 1; i <= more; ++i) {
        const auto byte = static_cast<uint8_t>(text[i]);
        if (byte >> 6 != 0b10) return 0;
        code = code << 6 | (byte & 0x3F);
    }
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < kFirstOfLength[more] || code > 0x10FFFF || surrogate ? 0 : more + 1;
}

// Of well-formed UTF-8.
bool is_control(std::string_view character) {
    const auto first = static_cast<uint8_t>(character[0]);
    return first < 0x20 || first == 0x7F ||
           (first == 0xC2 && static_cast<uint8_t>(character[1]) < 0xA0);
}

}  // namespace

size_t utf8_prefix(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const size_t bytes = character_bytes(text.substr(at));
        if (!bytes) break;
        at += bytes;
    }
    return at;
}

bool has_control(std::string_view text) {
    for (; !text.empty(); text.remove_prefix(character_bytes(text)))
        if (is_control(text)) return true;
    return false;
}

std::string printable(std::string_view text, size_t max_bytes) {
    if (text.size() > max_bytes)
        return printable(text.substr(0, max_bytes / 2), max_bytes) + "..." +
               printable(text.substr(text.size() - max_bytes / 2), max_bytes);
    std::string shown;
    while (!text.empty()) {
        const size_t bytes = character_bytes(text);
        if (bytes && !is_control(text)) {
            shown += text.substr(0, bytes);
        } else {  // byte by byte
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<uint8_t>(text[0]));
            shown += escaped;
        }
        text.remove_prefix(bytes && !is_control(text) ? bytes : 1);
    }
    return shown;
}

std::string list_names(const std::vector<std::string> &names) {
    std::string list;
    for (size_t i = 0; i < std::min(names.size(), kMaxListedNames); ++i)
        list += (i ? ", '" : "'") + printable(names[i]) + "'";
    if (names.size() > kMaxListedNames)
        list += " and " + std::to_string(names.size() - kMaxListedNames) + " more";
    return list;
}

}  // namespace densq::tool
