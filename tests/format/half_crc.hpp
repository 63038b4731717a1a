// SPDX-License-Identifier: MIT
// half_crc.hpp - CRC-32C of numpy's conversions; written by make_half_crc.py.
#pragma once
#include <cstdint>

namespace densq::test {

// The floats of all 65,536 halves in order, a NaN as 0x7FC00000.
constexpr uint32_t kFloatsOfHalvesCrc = 0x04a132e4;
// For each finite non-negative half in order, for it and its negative: the halves of its float, of
// the floats below, at and above the middle to the next half (after the last: 65536).
constexpr uint32_t kHalvesOfFloatsCrc = 0xcaf38601;

}  // namespace densq::test
