// SPDX-License-Identifier: MIT
// decoder.hpp - a LLaMA decoder: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "config.hpp"
#include "linear.hpp"
#include "tokenizer.hpp"

namespace llama {

class Decoder {
public:
    // Reads the config and all layers of the file, which must outlive the decoder.  `capacity`:
    // positions to keep keys and values for.
    Decoder(const Weights &weights, uint32_t capacity);

    const Config config;
    const Threads &threads;

    void restart() { used = 0; }

    // Appends tokens and returns the final hidden states of these, [count][hidden], valid until the
    // next call.  Error if they exceed the capacity or the vocabulary.
    const float *append(const Token *tokens, uint32_t count);

    // logits[count][vocabulary] of hidden states.
    void logits(const float *hidden, uint32_t count, float *out);

    // Called before every linear layer; NULL: nothing is.
    void observe(const LinearObserver *observer);

private:
    struct Layer {
        Layer(const Weights &weights, const Config &config, uint32_t index);
        std::vector<float> attention_norm, feed_forward_norm;
        Linear query, key, value, output, gate, up, down;
        std::vector<float> keys, values;  // [capacity][kv_width]
    };

    void embed(const Token *tokens, uint32_t count);
    void attend(Layer *layer, uint32_t count);
    void feed_forward(Layer *layer, uint32_t count);
    void normalize(const std::vector<float> &x, const std::vector<float> &weight, uint32_t count);
    void rotate(float *heads, uint32_t width, uint32_t count) const;
    void attend_head(const Layer &layer, uint32_t head, uint32_t count);

    const uint32_t capacity;
    uint32_t used = 0;
    std::vector<Layer> layers;
    std::vector<float> final_norm;
    std::unique_ptr<Linear> embedding, head;  // head NULL: the embedding is it
    std::vector<float> cosines, sines;        // [capacity][head_width / 2]
    std::vector<float> state, normed, query, mixed, projected, gated, upper;
};

}  // namespace llama
