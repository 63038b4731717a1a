// SPDX-License-Identifier: MIT
// plain_read.hpp - reads memory as fast as the CPU can: what every kernel is measured against.
#pragma once
#include <cstddef>
#include <cstdint>

namespace densq::tool {

// Sum of the 64-byte lines at `bytes` (64-byte aligned), word by word.
uint64_t plain_read(const void *bytes, size_t lines);

}  // namespace densq::tool
