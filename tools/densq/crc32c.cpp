// SPDX-License-Identifier: MIT
#include "crc32c.hpp"

#include <array>
#include <cstring>

namespace densq::tool {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78u;  // Castagnoli's, reflected

// kShifted[k][b]: the CRC of byte b with k zero bytes after it.
constexpr auto kShifted = [] {
    std::array<std::array<uint32_t, 256>, 8> table{};
    for (uint32_t b = 0; b < 256; ++b) {
        table[0][b] = b;
        for (int bit = 0; bit < 8; ++bit)
            table[0][b] = table[0][b] >> 1 ^ (table[0][b] & 1 ? kPolynomial : 0);
    }
    for (size_t k = 1; k < 8; ++k)
        for (uint32_t b = 0; b < 256; ++b)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
    return table;
}();

}  // namespace

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size) {
    const auto *at = static_cast<const uint8_t *>(bytes);
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t eight;
        std::memcpy(&eight, at, 8);
        eight ^= crc;
        crc = 0;
        for (size_t i = 0; i < 8; ++i) crc ^= kShifted[7 - i][eight >> (8 * i) & 255];
    }
    for (; size > 0; --size) crc = crc >> 8 ^ kShifted[0][(crc ^ *at++) & 255];
    return ~crc;
}

}  // namespace densq::tool
