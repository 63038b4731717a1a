// SPDX-License-Identifier: MIT
#include "chat.hpp"

#include "error.hpp"
#include "model_json.hpp"

namespace llama {
namespace {

const std::string kMessageStart = "<|im_start|>", kMessageEnd = "<|im_end|>";

std::string message(const std::string &role, const std::string &content) {
    return kMessageStart + role + "\n" + content + kMessageEnd + "\n";
}

// Templates are programs (Jinja), where a newline inside a string may stand as \n or as itself.
size_t skip_newline(const std::string &text, size_t at) {
    if (text.compare(at, 1, "\n") == 0) return at + 1;
    return text.compare(at, 2, "\\n") == 0 ? at + 2 : std::string::npos;
}

// The system message that a template spells out for conversations without one.
std::string find_default_system(const std::string &text) {
    const std::string start = kMessageStart + "system";
    for (size_t at = 0; (at = text.find(start, at)) != std::string::npos;) {
        at += start.size();
        const size_t begin = skip_newline(text, at);
        const size_t end = text.find(kMessageEnd, at);
        if (begin == std::string::npos || end == std::string::npos) continue;
        std::string content = text.substr(begin, end - begin);
        if (content.find_first_of("'\"{}") == std::string::npos) return content;
    }
    return "";
}

}  // namespace

ChatFormat::ChatFormat(const std::string &tokenizer_config) {
    const std::string text = parse_chat_template(tokenizer_config);
    if (text.empty()) throw Error("tokenizer_config.json: has no chat_template: not a chat model");
    if (text.find(kMessageStart) == std::string::npos ||
        text.find(kMessageEnd) == std::string::npos)
        throw Error("tokenizer_config.json: the chat_template is not of the ChatML family, the "
                    "only one supported");
    default_system = find_default_system(text);
}

std::string ChatFormat::begin(const std::string &system) const {
    const std::string &content = system.empty() ? default_system : system;
    return content.empty() ? "" : message("system", content);
}

std::string ChatFormat::turn(const std::string &content) const {
    return message("user", content) + kMessageStart + "assistant\n";
}

}  // namespace llama
