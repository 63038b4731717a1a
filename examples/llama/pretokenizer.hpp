// SPDX-License-Identifier: MIT
// pretokenizer.hpp - cuts text into the words inside which BPE merges.
#pragma once
#include <string_view>
#include <vector>

namespace llama {

// Every digit (general category N) on its own, and what lies between.
std::vector<std::string_view> split_digits(std::string_view text);

// The matches of GPT-2's pattern:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace llama
