// SPDX-License-Identifier: MIT
// sampler.hpp - chooses the next token.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

#include "tokenizer.hpp"

namespace llama {

class Sampler {
public:
    // temperature 0: always the likeliest.  top_p: only the likeliest tokens that together have
    // this probability.
    Sampler(float temperature_, float top_p_, uint64_t seed)
        : temperature(temperature_), top_p(top_p_), random(seed) {}

    Token choose(const std::vector<float> &logits);

private:
    float temperature, top_p;
    std::mt19937_64 random;
    std::vector<std::pair<double, Token>> candidates;
};

}  // namespace llama
