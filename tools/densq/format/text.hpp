// SPDX-License-Identifier: MIT
// text.hpp - UTF-8, and text from files as it can stand in a message.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace densq::tool {

// Length of the longest prefix that is well-formed UTF-8: all of it if the text is.
size_t utf8_prefix(std::string_view text);

// Whether well-formed UTF-8 has a control character (C0, DEL, C1), which no name may have.
bool has_control(std::string_view text);

// Control characters and what is no UTF-8 escaped, and the middle left out if it is long.
std::string printable(std::string_view text, size_t max_bytes = 160);

// "'a', 'b', 'c' and 97 more".
std::string list_names(const std::vector<std::string> &names);

}  // namespace densq::tool
