// SPDX-License-Identifier: MIT
#include "config.hpp"

#include <nlohmann/json.hpp>

#include "error.hpp"

namespace llama {
namespace {

using nlohmann::json;

uint32_t number(const json &config, const char *key, uint64_t largest) {
    if (!config.contains(key)) throw Error(std::string("config.json: ") + key + " is missing");
    const json &value = config[key];
    if (!value.is_number_unsigned() || value.get<uint64_t>() < 1 || value.get<uint64_t>() > largest)
        throw Error(std::string("config.json: ") + key + " is " + value.dump() + ", must be 1 to " +
                    std::to_string(largest));
    return value.get<uint32_t>();
}

void refuse_unsupported(const json &config) {
    const std::string type = config.value("model_type", "");
    if (type != "llama")
        throw Error("config.json: model_type '" + type + "' is not supported, only llama");
    if (config.value("hidden_act", "silu") != "silu")
        throw Error("config.json: hidden_act is not silu");
    for (const char *bias : {"attention_bias", "mlp_bias"})
        if (config.value(bias, false))
            throw Error(std::string("config.json: ") + bias + " is not supported");
    if (config.contains("rope_scaling") && !config["rope_scaling"].is_null())
        throw Error("config.json: rope_scaling is not supported");
}

// At the top, or in rope_parameters as newer versions of transformers write it.
double read_rope_theta(const json &config) {
    if (config.contains("rope_parameters") && config["rope_parameters"].is_object()) {
        const json &rope = config["rope_parameters"];
        if (rope.value("rope_type", "default") != "default")
            throw Error("config.json: rope_type is not default");
        return rope.value("rope_theta", 10000.0);
    }
    return config.value("rope_theta", 10000.0);
}

std::vector<uint32_t> read_end_tokens(const json &config) {
    std::vector<uint32_t> tokens;
    if (!config.contains("eos_token_id") || config["eos_token_id"].is_null()) return tokens;
    const json &end = config["eos_token_id"];
    for (const json &token : end.is_array() ? end : json::array({end}))
        tokens.push_back(token.get<uint32_t>());
    return tokens;
}

Config read_config(const json &config) {
    refuse_unsupported(config);
    Config c = {};
    c.hidden = number(config, "hidden_size", 1 << 20);
    c.feed_forward = number(config, "intermediate_size", 1 << 20);
    c.layers = number(config, "num_hidden_layers", 4096);
    c.heads = number(config, "num_attention_heads", 4096);
    c.kv_heads = config.contains("num_key_value_heads")
                     ? number(config, "num_key_value_heads", 4096)
                     : c.heads;
    c.vocabulary = number(config, "vocab_size", 1 << 24);
    c.max_positions = number(config, "max_position_embeddings", 1 << 24);
    const bool has_width = config.contains("head_dim") && !config["head_dim"].is_null();
    c.head_width = has_width ? number(config, "head_dim", 4096) : c.hidden / c.heads;
    c.norm_epsilon = config.value("rms_norm_eps", 1e-6f);
    c.rope_theta = read_rope_theta(config);
    c.tied = config.value("tie_word_embeddings", false);
    c.end_tokens = read_end_tokens(config);
    if (c.heads % c.kv_heads != 0)
        throw Error("config.json: num_attention_heads is no multiple of num_key_value_heads");
    if (c.head_width == 0 || c.head_width % 2 != 0)
        throw Error("config.json: the width of a head must be even");
    return c;
}

}  // namespace

Config parse_config(const std::string &text) {
    try {
        return read_config(json::parse(text));
    } catch (const json::exception &error) {
        throw Error(std::string("config.json: ") + error.what());
    }
}

}  // namespace llama
