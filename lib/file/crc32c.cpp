// SPDX-License-Identifier: MIT
#include "lib/file/crc32c.hpp"

#include "kernels/cpu_features.hpp"
#include "kernels/table.hpp"
#include "lib/base/cpu_detection.hpp"

namespace densq {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // bit-reversed

// of[k][b] is what byte b contributes to the CRC when k more bytes follow it.
struct Tables {
    uint32_t of[8][256];
};

constexpr Tables make_tables() {
    Tables tables = {};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
        tables.of[0][byte] = crc;
    }
    for (uint32_t k = 1; k < 8; ++k)
        for (uint32_t byte = 0; byte < 256; ++byte) {
            const uint32_t crc = tables.of[k - 1][byte];
            tables.of[k][byte] = crc >> 8 ^ tables.of[0][crc & 0xFF];
        }
    return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

uint32_t crc32c_software(uint32_t crc, const void *bytes, size_t size) {
    const auto *at = static_cast<const uint8_t *>(bytes);
    const auto &t = kTables.of;
    crc = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        crc ^= at[0] | static_cast<uint32_t>(at[1]) << 8 | static_cast<uint32_t>(at[2]) << 16 |
               static_cast<uint32_t>(at[3]) << 24;
        crc = t[7][crc & 0xFF] ^ t[6][crc >> 8 & 0xFF] ^ t[5][crc >> 16 & 0xFF] ^ t[4][crc >> 24] ^
              t[3][at[4]] ^ t[2][at[5]] ^ t[1][at[6]] ^ t[0][at[7]];
    }
    for (; size; ++at, --size) crc = crc >> 8 ^ t[0][(crc ^ *at) & 0xFF];
    return ~crc;
}

Crc32c crc32c_function() {
#if defined(__x86_64__) || defined(__aarch64__)
    if (cpu_features() & kCpuCrc32c) return densq_k_crc32c;
#endif
    return crc32c_software;
}

}  // namespace densq
