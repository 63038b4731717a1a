// SPDX-License-Identifier: MIT
// pairs.hpp - the fields of a group in pairs, for instruction sets that look up bytes.
//
// The two bytes of a 16-bit lane look alike (densq/layout.h), so what brings the codes of one field
// to the low ends of the low bytes brings those of another to the low ends of the high bytes.
#pragma once

namespace densq {
namespace {

constexpr int kPairs = 8;  // in a group; the first half of them are the fields of a fast block

template <int bits, int pair>
constexpr int kLowField = bits == 2                ? 8 * (pair / 4) + pair % 4
                          : bits == 3 && pair >= 6 ? 2 * pair
                                                   : 4 * (pair / 2) + pair % 2;
template <int bits, int pair>
constexpr int kHighField = kLowField<bits, pair> + (bits == 2                ? 4
                                                    : bits == 3 && pair >= 6 ? 1
                                                                             : 2);

}  // namespace
}  // namespace densq
