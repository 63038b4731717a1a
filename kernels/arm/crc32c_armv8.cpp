// SPDX-License-Identifier: MIT
// crc32c_armv8.cpp - CRC-32C with the instructions that ARMv8.0 may and ARMv8.1 must have.
#include <arm_acle.h>
#include <string.h>

#include "kernels/table.hpp"

uint32_t densq::densq_k_crc32c(uint32_t crc, const void *bytes, size_t size) {
    const auto *at = static_cast<const uint8_t *>(bytes);
    crc = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; size; ++at, --size) crc = __crc32cb(crc, *at);
    return ~crc;
}
