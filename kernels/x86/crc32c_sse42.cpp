// SPDX-License-Identifier: MIT
// crc32c_sse42.cpp - CRC-32C with the crc32 instruction of SSE4.2: 8 bytes in 3 cycles.
#include <nmmintrin.h>
#include <string.h>

#include "kernels/table.hpp"

uint32_t densq::densq_k_crc32c(uint32_t crc, const void *bytes, size_t size) {
    const auto *at = static_cast<const uint8_t *>(bytes);
    uint64_t state = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    for (; size; ++at, --size) state = _mm_crc32_u8(static_cast<uint32_t>(state), *at);
    return ~static_cast<uint32_t>(state);
}
