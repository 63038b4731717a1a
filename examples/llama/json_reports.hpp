// SPDX-License-Identifier: MIT
// json_reports.hpp - what the commands print as JSON.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "evaluate.hpp"
#include "session.hpp"

namespace llama {

// `text`: what was written; NULL: left out.
std::string speed_json(const Speed &speed, const std::string *text = nullptr);

// `compared`: there was a baseline.
std::string quality_json(const Quality &quality, bool compared);

// The same by name, each value as JSON.
std::vector<std::pair<std::string, std::string>> quality_values(const Quality &quality,
                                                                bool compared);

std::string numbers_json(const std::vector<float> &numbers);
std::string numbers_json(const std::vector<Token> &numbers);

// The text that a JSON string stands for.
std::string parse_json_string(const std::string &json);

}  // namespace llama
