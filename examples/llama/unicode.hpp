// SPDX-License-Identifier: MIT
// unicode.hpp - classes of code points.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace llama {

struct CodeRange {
    uint32_t first, last;
};

extern const std::vector<CodeRange> kLetters;     // general categories L*
extern const std::vector<CodeRange> kNumbers;     // N*
extern const std::vector<CodeRange> kWhiteSpace;  // property White_Space

inline bool is_in(const std::vector<CodeRange> &ranges, uint32_t code) {
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), code,
        [](uint32_t value, const CodeRange &range) { return value < range.first; });
    return after != ranges.begin() && code <= std::prev(after)->last;
}

}  // namespace llama
