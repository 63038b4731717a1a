// SPDX-License-Identifier: MIT
// fingerprint.hpp - a number that says whether two runs would write the same file.
#pragma once
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace densq::tool {

// FNV-1a of everything added, in this order.
class Fingerprint {
public:
    void add(uint64_t number) {
        for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<uint8_t>(number >> shift));
    }
    // With its length, so that no two lists of texts are alike.
    void add(std::string_view text) {
        add(uint64_t{text.size()});
        for (const char byte : text) add_byte(static_cast<uint8_t>(byte));
    }
    uint64_t value() const { return hash; }

private:
    void add_byte(uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3; }

    uint64_t hash = 0xCBF29CE484222325;
};

// 16 hexadecimal digits, and back; nothing if the text is something else.
inline std::string fingerprint_text(uint64_t fingerprint) {
    char text[17];
    std::snprintf(text, sizeof text, "%016" PRIx64, fingerprint);
    return text;
}
inline std::optional<uint64_t> parse_fingerprint(const std::string &text) {
    if (text.size() != 16 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
        return std::nullopt;
    return std::stoull(text, nullptr, 16);
}

}  // namespace densq::tool
