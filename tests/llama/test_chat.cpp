// SPDX-License-Identifier: MIT
// test_chat.cpp - the text of a conversation, and the templates that are understood.
#include <doctest/doctest.h>

#include "examples/llama/chat.hpp"
#include "examples/llama/error.hpp"

using llama::ChatFormat;

namespace {

ChatFormat format_of(const std::string &chat_template) {
    std::string json = R"({"chat_template": ")";
    for (const char c : chat_template) {
        if (c == '"' || c == '\\') json += '\\';
        json += c == '\n' ? "\\n" : std::string(1, c);
    }
    return ChatFormat(json + "\"}");
}

const char *const kWithDefault =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are of use.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

}  // namespace

TEST_CASE("a conversation in ChatML") {
    const ChatFormat format = format_of(kWithDefault);
    CHECK(format.begin("") == "<|im_start|>system\nYou are of use.<|im_end|>\n");
    CHECK(format.begin("Be brief.") == "<|im_start|>system\nBe brief.<|im_end|>\n");
    CHECK(format.turn("Hi") == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    CHECK(format.end() + format.after_end() == "<|im_end|>\n");
}

TEST_CASE("the default system message, newlines written as backslash n") {
    CHECK(format_of(R"({{ '<|im_start|>system\nBe kind.<|im_end|>\n' }})").begin("") ==
          "<|im_start|>system\nBe kind.<|im_end|>\n");
}

TEST_CASE("templates without a default system message") {
    CHECK(format_of("{{'<|im_start|>' + role + '<|im_end|>'}}").begin("").empty());
    CHECK(format_of("{{'<|im_start|>system\n' + content + '<|im_end|>'}}").begin("").empty());
    CHECK(format_of("<|im_end|> <|im_start|>system").begin("").empty());
    CHECK(format_of("<|im_end|> <|im_start|>system\n").begin("").empty());
}

TEST_CASE("what is no chat model, or not of this family") {
    CHECK_THROWS_AS(ChatFormat("{}"), llama::Error);
    CHECK_THROWS_AS(ChatFormat("not JSON"), llama::Error);
    CHECK_THROWS_AS(ChatFormat("[]"), llama::Error);
    CHECK_THROWS_AS(ChatFormat(R"({"chat_template": 5})"), llama::Error);
    CHECK_THROWS_AS(format_of("[INST] {{ message }} [/INST]"), llama::Error);
}
