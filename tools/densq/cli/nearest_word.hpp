// SPDX-License-Identifier: MIT
// nearest_word.hpp - which word may have been meant.
#pragma once
#include <string>
#include <vector>

namespace densq::tool {

// The word with the fewest letters to insert, remove or change; empty if all are more than a third
// of its letters away.
std::string nearest_word(const std::string &typed, const std::vector<std::string> &words);

}  // namespace densq::tool
