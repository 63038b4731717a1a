// SPDX-License-Identifier: MIT
// widths.hpp - the bits that a code may have.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "densq/format.h"

namespace densq::tool {

inline std::vector<uint32_t> all_widths() {
    std::vector<uint32_t> widths;
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) widths.push_back(bits);
    return widths;
}

inline std::vector<uint32_t> widest_first() {
    const std::vector<uint32_t> widths = all_widths();
    return {widths.rbegin(), widths.rend()};
}

// Returns nothing if the text is not one of the widths.
inline std::optional<uint32_t> parse_width(const std::string &text) {
    for (const uint32_t bits : all_widths())
        if (text == std::to_string(bits)) return bits;
    return std::nullopt;
}

}  // namespace densq::tool
