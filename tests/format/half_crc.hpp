// SPDX-License-Identifier: MIT
// half_crc.hpp - CRC-32C of numpy's conversions; written by make_half_crc.py.
#pragma once
#include <cstdint>

namespace densq::test {

// The floats of all 65,536 halves in order, a NaN as 0x7FC00000.
constexpr uint32_t kFloatsOfHalvesCrc = 0x04a132e4;
// For each finite half >= 0 in order, and for its negative: the halves of its float, and of the
// floats below, at and above the middle between it and the next half (65536 for the last one).
constexpr uint32_t kHalvesOfFloatsCrc = 0xcaf38601;

}  // namespace densq::test
