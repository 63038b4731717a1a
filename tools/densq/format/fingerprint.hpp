// SPDX-License-Identifier: MIT
// fingerprint.hpp - a number that tells whether two things are the same (FNV-1a, 64 bits; no
// protection against intent).
#pragma once
#include <cstdint>
#include <string_view>

namespace densq::tool {

class Fingerprint {
public:
    // "ab", "c" is not the same as "a", "bc".
    void add(std::string_view bytes) {
        for (const char c : bytes) mix(static_cast<uint8_t>(c));
        for (uint64_t size = bytes.size(), i = 0; i < 8; ++i, size >>= 8)
            mix(static_cast<uint8_t>(size));
    }

    uint64_t value() const { return state; }

private:
    void mix(uint8_t byte) { state = (state ^ byte) * 0x100000001B3; }

    uint64_t state = 0xCBF29CE484222325;
};

}  // namespace densq::tool
