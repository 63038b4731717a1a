// SPDX-License-Identifier: MIT
// chat.hpp - the text of a conversation as chat models were trained on it (ChatML).
#pragma once
#include <string>

namespace llama {

class ChatFormat {
public:
    // `tokenizer_config`: the text of tokenizer_config.json.  Error if its chat_template is not of
    // the ChatML family, or missing.
    explicit ChatFormat(const std::string &tokenizer_config);

    // How a conversation begins; `system` empty: the template's own system message, if it has one.
    std::string begin(const std::string &system) const;

    // The user's message, up to where the model's answer begins.
    std::string turn(const std::string &message) const;

    // What the model ends its answer with, and what then leads to the next turn.
    std::string end() const { return "<|im_end|>"; }
    std::string after_end() const { return "\n"; }

private:
    std::string default_system;
};

}  // namespace llama
