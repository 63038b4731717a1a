// SPDX-License-Identifier: MIT
// model_json.cpp - all reading of JSON in one file, as its library takes long to compile.
#include "model_json.hpp"

#include <initializer_list>

#include <nlohmann/json.hpp>

#include "error.hpp"

namespace llama {
namespace {

using nlohmann::json;

// ---- config.json ----

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

// Reads rope_theta, which newer versions of transformers write into rope_parameters.
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

// ---- tokenizer.json ----

constexpr size_t kMaxTokens = 1 << 24;

bool is_set(const json &object, const char *key) {
    return object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
}

Token read_id(const json &id) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= kMaxTokens)
        throw Error("tokenizer.json: " + id.dump() + " is no number of a token");
    return id.get<Token>();
}

// Settings that change what a text is cut into; null, false, 0 and "" are those of byte-level BPE.
bool is_other_than_default(const json &object, const char *setting) {
    if (!object.contains(setting)) return false;
    const json &value = object[setting];
    return !value.is_null() && value != false && value != 0 && value != "";
}

void refuse(const json &object, std::initializer_list<const char *> settings) {
    for (const char *setting : settings)
        if (is_other_than_default(object, setting))
            throw Error("tokenizer.json: " + std::string(setting) + " " + object[setting].dump() +
                        " is not supported");
}

// ByteLevel, or Sequence[Digits, ByteLevel].
void read_pre_tokenizer(const json &root, TokenizerFile *file) {
    const json steps = root.is_object() && root.value("type", "") == "Sequence"
                           ? root.at("pretokenizers")
                           : json::array({root});
    bool byte_level = false;
    for (const json &step : steps) {
        const std::string type = step.is_object() ? step.value("type", "") : step.dump();
        if (type == "Digits" && step.value("individual_digits", false) && !byte_level) {
            file->split_digits = true;
        } else if (type == "ByteLevel" && step.value("use_regex", true) && !byte_level) {
            byte_level = true;
            file->add_prefix_space = step.value("add_prefix_space", true);
        } else {
            throw Error("tokenizer.json: the pre-tokenizer step " + step.dump() +
                        " is not supported");
        }
    }
    if (!byte_level) throw Error("tokenizer.json: the pre-tokenizer is not ByteLevel");
}

void read_vocabulary(const json &model, TokenizerFile *file) {
    const json &vocabulary = model.at("vocab");
    if (!vocabulary.is_object()) throw Error("tokenizer.json: the vocabulary is no object");
    for (const auto &[entry, id] : vocabulary.items())
        file->vocabulary.emplace_back(entry, read_id(id));
}

void read_merges(const json &model, TokenizerFile *file) {
    for (const json &merge : model.at("merges")) {
        if (merge.is_array()) {
            file->merges.emplace_back(merge.at(0).get<std::string>(),
                                      merge.at(1).get<std::string>());
            continue;
        }
        const auto text = merge.get<std::string>();
        const size_t space = text.find(' ');
        if (space == std::string::npos)
            throw Error("tokenizer.json: the merge '" + text + "' has no space");
        file->merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    }
}

void read_added(const json &added, TokenizerFile *file) {
    for (const json &token : added) {
        const auto content = token.at("content").get<std::string>();
        file->added.emplace_back(content, read_id(token.at("id")));
        refuse(token, {"lstrip", "rstrip", "single_word"});
    }
}

TokenizerFile read_tokenizer(const json &root) {
    TokenizerFile file;
    if (root.contains("normalizer") && !root["normalizer"].is_null())
        throw Error("tokenizer.json: normalizers are not supported");
    const json &model = root.at("model");
    if (model.at("type") != "BPE")
        throw Error("tokenizer.json: the model is " + model.at("type").dump() + ", not BPE");
    refuse(model, {"byte_fallback", "continuing_subword_prefix", "end_of_word_suffix", "dropout"});
    file.ignore_merges = is_set(model, "ignore_merges");
    if (is_other_than_default(model, "unk_token")) file.unknown_token = model["unk_token"].dump();
    read_pre_tokenizer(root.at("pre_tokenizer"), &file);
    read_vocabulary(model, &file);
    read_merges(model, &file);
    if (root.contains("added_tokens")) read_added(root["added_tokens"], &file);
    return file;
}

// What read(json) says of a text; the JSON library's errors name the file.
template <typename Read>
auto read_file(const std::string &name, const std::string &text, Read read) {
    try {
        return read(json::parse(text));
    } catch (const json::exception &error) {
        throw Error(name + ": " + error.what());
    }
}

}  // namespace

Config parse_config(const std::string &text) { return read_file("config.json", text, read_config); }

TokenizerFile parse_tokenizer(const std::string &text) {
    return read_file("tokenizer.json", text, read_tokenizer);
}

std::string parse_chat_template(const std::string &text) {
    return read_file("tokenizer_config.json", text, [](const json &root) -> std::string {
        return root.value("chat_template", "");
    });
}

}  // namespace llama
