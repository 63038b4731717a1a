// SPDX-License-Identifier: MIT
#include "decoder.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "activation.hpp"
#include "error.hpp"
#include "model_json.hpp"

namespace llama {
namespace {

std::string layer_name(uint32_t layer, const char *rest) {
    return "model.layers." + std::to_string(layer) + "." + rest + ".weight";
}

void add(std::vector<float> *to, const std::vector<float> &what, size_t count) {
    for (size_t i = 0; i < count; ++i) (*to)[i] += what[i];
}

}  // namespace

Decoder::Layer::Layer(const Weights &weights, const Config &c, uint32_t i)
    : attention_norm(weights.vector(layer_name(i, "input_layernorm"), c.hidden)),
      feed_forward_norm(weights.vector(layer_name(i, "post_attention_layernorm"), c.hidden)),
      query(weights, layer_name(i, "self_attn.q_proj"), c.query_width(), c.hidden),
      key(weights, layer_name(i, "self_attn.k_proj"), c.kv_width(), c.hidden),
      value(weights, layer_name(i, "self_attn.v_proj"), c.kv_width(), c.hidden),
      output(weights, layer_name(i, "self_attn.o_proj"), c.hidden, c.query_width()),
      gate(weights, layer_name(i, "mlp.gate_proj"), c.feed_forward, c.hidden),
      up(weights, layer_name(i, "mlp.up_proj"), c.feed_forward, c.hidden),
      down(weights, layer_name(i, "mlp.down_proj"), c.hidden, c.feed_forward) {}

Decoder::Decoder(const Weights &weights, uint32_t capacity_)
    : config(parse_config(weights.text("config.json"))), threads(weights.threads()),
      capacity(capacity_) {
    layers.reserve(config.layers);
    for (uint32_t i = 0; i < config.layers; ++i) {
        layers.emplace_back(weights, config, i);
        layers.back().keys.resize(static_cast<size_t>(capacity) * config.kv_width());
        layers.back().values.resize(static_cast<size_t>(capacity) * config.kv_width());
    }
    final_norm = weights.vector("model.norm.weight", config.hidden);
    embedding = std::make_unique<Linear>(weights, "model.embed_tokens.weight", config.vocabulary,
                                         config.hidden);
    if (!config.tied)
        head =
            std::make_unique<Linear>(weights, "lm_head.weight", config.vocabulary, config.hidden);
    const uint32_t half = config.head_width / 2;
    for (uint32_t p = 0; p < capacity; ++p)
        for (uint32_t i = 0; i < half; ++i) {
            const double angle = p * std::pow(config.rope_theta, -static_cast<double>(i) / half);
            cosines.push_back(static_cast<float>(std::cos(angle)));
            sines.push_back(static_cast<float>(std::sin(angle)));
        }
}

void Decoder::observe(const LinearObserver *observer) {
    for (Layer &layer : layers)
        for (Linear *linear : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate,
                               &layer.up, &layer.down})
            linear->observer = observer;
    (head ? head : embedding)->observer = observer;
}

const float *Decoder::append(const Token *tokens, uint32_t count) {
    if (count > capacity - used)
        throw Error("the text is longer than the " + std::to_string(capacity) +
                    " positions there is room for");
    embed(tokens, count);
    for (Layer &layer : layers) {
        attend(&layer, count);
        feed_forward(&layer, count);
    }
    used += count;
    normalize(state, final_norm, count);
    return normed.data();
}

void Decoder::logits(const float *hidden, uint32_t count, float *out) {
    (head ? head : embedding)->apply(hidden, count, out);
}

void Decoder::embed(const Token *tokens, uint32_t count) {
    state.resize(static_cast<size_t>(count) * config.hidden);
    for (uint32_t t = 0; t < count; ++t) {
        if (tokens[t] >= config.vocabulary)
            throw Error("token " + std::to_string(tokens[t]) + " is beyond the vocabulary");
        embedding->read_row(tokens[t], state.data() + static_cast<size_t>(t) * config.hidden);
    }
}

void Decoder::normalize(const std::vector<float> &x, const std::vector<float> &weight,
                        uint32_t count) {
    normed.resize(x.size());
    for (uint32_t t = 0; t < count; ++t) {
        const float *in = x.data() + static_cast<size_t>(t) * config.hidden;
        float *out = normed.data() + static_cast<size_t>(t) * config.hidden;
        double squares = 0;
        for (uint32_t i = 0; i < config.hidden; ++i)
            squares += static_cast<double>(in[i]) * static_cast<double>(in[i]);
        const auto scale = static_cast<float>(
            1 / std::sqrt(squares / config.hidden + static_cast<double>(config.norm_epsilon)));
        for (uint32_t i = 0; i < config.hidden; ++i) out[i] = in[i] * scale * weight[i];
    }
}

// Rotates the halves of every head against each other, by position.
void Decoder::rotate(float *heads, uint32_t width, uint32_t count) const {
    const uint32_t half = config.head_width / 2;
    for (uint32_t t = 0; t < count; ++t) {
        const float *cosine = cosines.data() + static_cast<size_t>(used + t) * half;
        const float *sine = sines.data() + static_cast<size_t>(used + t) * half;
        for (uint32_t begin = 0; begin < width;
             begin += config.head_width, heads += config.head_width)
            for (uint32_t i = 0; i < half; ++i) {
                const float a = heads[i], b = heads[i + half];
                heads[i] = a * cosine[i] - b * sine[i];
                heads[i + half] = b * cosine[i] + a * sine[i];
            }
    }
}

void Decoder::attend(Layer *layer, uint32_t count) {
    const size_t kv_at = static_cast<size_t>(used) * config.kv_width();
    float *key = layer->keys.data() + kv_at, *value = layer->values.data() + kv_at;
    query.resize(static_cast<size_t>(count) * config.query_width());
    mixed.resize(query.size());
    projected.resize(state.size());
    normalize(state, layer->attention_norm, count);
    apply_all({{&layer->query, query.data()}, {&layer->key, key}, {&layer->value, value}},
              normed.data(), count);
    rotate(query.data(), config.query_width(), count);
    rotate(key, config.kv_width(), count);
    threads.run(config.heads, [&](uint32_t head_index) { attend_head(*layer, head_index, count); });
    layer->output.apply(mixed.data(), count, projected.data());
    add(&state, projected, state.size());
}

// softmax(q k^T / sqrt(width)) v over the positions up to each token's own.
void Decoder::attend_head(const Layer &layer, uint32_t head_index, uint32_t count) {
    const uint32_t kv_head = head_index / (config.heads / config.kv_heads);
    const size_t kv_at = static_cast<size_t>(kv_head) * config.head_width;
    const float *keys = layer.keys.data() + kv_at, *values = layer.values.data() + kv_at;
    const float *q = query.data() + static_cast<size_t>(head_index) * config.head_width;
    float *out = mixed.data() + static_cast<size_t>(head_index) * config.head_width;
    const uint32_t length = used + count;
    const auto m = static_cast<blasint>(count), n = static_cast<blasint>(length);
    const auto k = static_cast<blasint>(config.head_width);
    const auto q_stride = static_cast<blasint>(config.query_width());
    const auto kv_stride = static_cast<blasint>(config.kv_width());
    const float scale = 1 / std::sqrt(static_cast<float>(config.head_width));
    static thread_local std::vector<float> scores;
    scores.resize(std::max(scores.size(), static_cast<size_t>(count) * length));
    if (count == 1) {
        cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, scale, keys, kv_stride, q, 1, 0,
                    scores.data(), 1);
        softmax(scores.data(), length);
        cblas_sgemv(CblasRowMajor, CblasTrans, n, k, 1, values, kv_stride, scores.data(), 1, 0, out,
                    1);
        return;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, scale, q, q_stride, keys,
                kv_stride, 0, scores.data(), n);
    for (uint32_t t = 0; t < count; ++t) {
        float *row = scores.data() + static_cast<size_t>(t) * length;
        const uint32_t visible = used + t + 1;
        softmax(row, visible);
        std::fill(row + visible, row + length, 0.0f);
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, k, n, 1, scores.data(), n, values,
                kv_stride, 0, out, q_stride);
}

void Decoder::feed_forward(Layer *layer, uint32_t count) {
    gated.resize(static_cast<size_t>(count) * config.feed_forward);
    upper.resize(gated.size());
    normalize(state, layer->feed_forward_norm, count);
    apply_all({{&layer->gate, gated.data()}, {&layer->up, upper.data()}}, normed.data(), count);
    threads.run(count, [&](uint32_t token) {
        const size_t at = static_cast<size_t>(token) * config.feed_forward;
        swiglu(gated.data() + at, upper.data() + at, config.feed_forward);
    });
    layer->down.apply(gated.data(), count, projected.data());
    add(&state, projected, state.size());
}

}  // namespace llama
