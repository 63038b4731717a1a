// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <algorithm>
#include <chrono>

namespace llama {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kPromptBlock = 256;  // tokens of a prompt taken at a time

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Appends tokens block by block; returns the logits after the last.
std::vector<float> append_prompt(Decoder *decoder, const std::vector<Token> &tokens) {
    const float *hidden = nullptr;
    uint32_t block = 0;
    for (size_t at = 0; at < tokens.size(); at += block) {
        block = static_cast<uint32_t>(std::min<size_t>(kPromptBlock, tokens.size() - at));
        hidden = decoder->append(tokens.data() + at, block);
    }
    std::vector<float> logits(decoder->config.vocabulary);
    decoder->logits(hidden + static_cast<size_t>(block - 1) * decoder->config.hidden, 1,
                    logits.data());
    return logits;
}

}  // namespace

Session::Session(const std::string &path, const std::string &backend, densq_precision precision,
                 uint32_t thread_count, uint32_t capacity)
    : threads(thread_count), weights(path, backend, precision, threads),
      tokenizer(weights.text("tokenizer.json")), decoder(weights, capacity) {}

Speed write_text(Session *session, const std::vector<Token> &prompt, const WriteOptions &options,
                 Sampler *sampler, const std::function<void(const std::string &)> &print,
                 Token *last) {
    Decoder &decoder = session->decoder;
    const std::vector<uint32_t> &ends = decoder.config.end_tokens;
    Speed speed;
    auto begin = Clock::now();
    std::vector<float> logits = append_prompt(&decoder, prompt);
    speed.prompt_tokens = prompt.size();
    speed.prompt_seconds = seconds_since(begin);
    begin = Clock::now();
    while (speed.tokens < options.count) {
        const Token token = sampler->choose(logits);
        ++speed.tokens;
        if (last) *last = token;
        if (options.stop_at_end && std::find(ends.begin(), ends.end(), token) != ends.end()) break;
        print(session->tokenizer.bytes_of(token));
        if (speed.tokens < options.count)
            decoder.logits(decoder.append(&token, 1), 1, logits.data());
    }
    speed.seconds = seconds_since(begin);
    return speed;
}

}  // namespace llama
