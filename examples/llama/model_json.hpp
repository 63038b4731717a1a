// SPDX-License-Identifier: MIT
// model_json.hpp - the JSON files of a model.  All throw Error if the text is broken or asks for
// what this program does not do.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "config.hpp"
#include "token.hpp"

namespace llama {

Config parse_config(const std::string &text);

// The chat_template of a tokenizer_config.json; empty if it has none.
std::string parse_chat_template(const std::string &text);

// What a tokenizer.json of byte-level BPE with GPT-2's pattern says.
struct TokenizerFile {
    std::vector<std::pair<std::string, Token>> vocabulary;    // entries as they are written
    std::vector<std::pair<std::string, std::string>> merges;  // of entries, the first rank first
    std::vector<std::pair<std::string, Token>> added;         // special tokens
    std::string unknown_token;                                // as JSON; empty: none
    bool split_digits = false, add_prefix_space = false, ignore_merges = false;
};
TokenizerFile parse_tokenizer(const std::string &text);

}  // namespace llama
