// SPDX-License-Identifier: MIT
// tokenizer.hpp - byte-level BPE as Hugging Face's `tokenizers` does it, from a tokenizer.json.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "token.hpp"

namespace llama {

class Tokenizer {
public:
    // `json`: the text of tokenizer.json.  Throws Error if it is broken, or if it asks for a
    // normalizer, pre-tokenizer or model other than byte-level BPE with GPT-2's pattern.
    explicit Tokenizer(const std::string &json);

    // UTF-8 in, tokens out; no special tokens are added, those that the text spells are found.
    std::vector<Token> encode(std::string_view text) const;

    // The bytes that a token stands for; not always whole characters.
    const std::string &bytes_of(Token token) const;

private:
    struct Merge {
        uint32_t rank;
        Token joined;
    };

    void add_token(Token token, std::string text);
    void add_entry(Token token, const std::string &entry);
    void set_byte_tokens(const std::string &unknown_token);
    void add_merge(uint32_t rank, const std::string &left_entry, const std::string &right_entry);

    void encode_text(std::string_view text, std::vector<Token> *out) const;
    void encode_word(std::string_view word, std::vector<Token> *out) const;

    std::vector<std::string> bytes;  // by token
    std::unordered_map<std::string, Token> token_of;
    std::array<Token, 256> byte_token;
    std::unordered_map<uint64_t, Merge> merges;           // by pair of tokens
    std::vector<std::pair<std::string, Token>> specials;  // longest first
    bool split_digits = false, add_prefix_space = false, ignore_merges = false;
};

}  // namespace llama
