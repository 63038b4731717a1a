// SPDX-License-Identifier: MIT
// crc32c.hpp - the checksum of a densq file's sections.
#pragma once
#include <cstddef>
#include <cstdint>

namespace densq::tool {

// CRC-32C of `bytes`, continuing from `crc` (0 at the start).
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

}  // namespace densq::tool
