// SPDX-License-Identifier: MIT
// crc32c.hpp - CRC-32C (Castagnoli; polynomial 0x1EDC6F41, reflected), as in iSCSI and ext4.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace densq {

// CRC of `bytes`, continuing from `crc` (0 at the start).
using Crc32c = uint32_t (*)(uint32_t crc, const void *bytes, size_t size);

uint32_t crc32c_software(uint32_t crc, const void *bytes, size_t size);

// The fastest function that the CPU can run.
Crc32c crc32c_function();

}  // namespace densq
