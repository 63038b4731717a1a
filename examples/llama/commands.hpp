// SPDX-License-Identifier: MIT
// commands.hpp - the subcommands of densq-llama; each returns the exit status.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "token.hpp"

namespace llama {

struct Options {
    std::string file, baseline, text_file, prompt, system, tokenizer, backend, precision = "fast";
    std::vector<Token> tokens;
    uint32_t count = 128, prompt_count = 128, context = 2048, window = 256, windows = 0,
             threads = 0;
    float temperature = 0.8f, top_p = 0.95f;
    uint64_t seed = 1;
    bool chat = false, json = false;
};

// A text, or one answer.
int generate(const Options &options);

// Answers what is typed, line by line.
int chat(const Options &options);

// Processes a prompt; then, with an empty context again, generates the likeliest tokens.
int measure_speed(const Options &options);

// How well a text is predicted, and how far that is from a baseline.
int measure_perplexity(const Options &options);

// A precision's error on real activations; 1 if it is too large.
int check(const Options &options);

// For tests: the logits of given tokens, one JSON array a line; appended in blocks of --window.
int print_logits(const Options &options);

// For tests: reads JSON strings, one a line, and writes their tokens as JSON arrays.
int tokenize(const Options &options);

}  // namespace llama
