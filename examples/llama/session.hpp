// SPDX-License-Identifier: MIT
// session.hpp - a model with its tokenizer, and the writing of text with it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "decoder.hpp"
#include "sampler.hpp"
#include "tokenizer.hpp"

namespace llama {

struct Session {
    // `backend`: empty for the best; `thread_count` 0: all CPUs; `capacity`: positions.
    Session(const std::string &path, const std::string &backend, densq_precision precision,
            uint32_t thread_count, uint32_t capacity);

    Threads threads;
    Weights weights;
    Tokenizer tokenizer;
    Decoder decoder;
};

struct Speed {
    size_t prompt_tokens = 0, tokens = 0;
    double prompt_seconds = 0, seconds = 0;

    double prompt_rate() const { return rate(prompt_tokens, prompt_seconds); }
    double token_rate() const { return rate(tokens, seconds); }

private:
    static double rate(size_t count, double time) {
        return time > 0 ? static_cast<double>(count) / time : 0;
    }
};

struct WriteOptions {
    uint32_t count;    // most tokens to write
    bool stop_at_end;  // at one of the config's end tokens, which is not printed
};

// Appends `prompt` (not empty), lets the model go on, and hands each token's bytes to `print`.
// *last is the last token chosen, which alone is not yet part of what the decoder has seen.
Speed write_text(Session *session, const std::vector<Token> &prompt, const WriteOptions &options,
                 Sampler *sampler, const std::function<void(const std::string &)> &print,
                 Token *last = nullptr);

}  // namespace llama
