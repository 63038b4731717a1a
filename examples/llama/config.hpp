// SPDX-License-Identifier: MIT
// config.hpp - the shape of a LLaMA-architecture model, from its config.json.
#pragma once
#include <cstdint>
#include <vector>

namespace llama {

struct Config {
    uint32_t hidden, feed_forward, layers, heads, kv_heads, head_width, vocabulary, max_positions;
    float norm_epsilon;
    double rope_theta;
    bool tied;  // the embedding is the output head too
    std::vector<uint32_t> end_tokens;

    uint32_t query_width() const { return heads * head_width; }
    uint32_t kv_width() const { return kv_heads * head_width; }
};

}  // namespace llama
