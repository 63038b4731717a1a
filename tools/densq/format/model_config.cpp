// SPDX-License-Identifier: MIT
#include "model_config.hpp"

#include <nlohmann/json.hpp>

#include "config_text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

using Config = nlohmann::json;

// The first of these keys that has a number above zero; families differ in what they call it.
uint64_t find_number(const Config &root, const Config &text,
                     std::initializer_list<const char *> keys) {
    for (const Config *config : {&text, &root})
        for (const char *key : keys) {
            const auto found = config->find(key);
            if (found != config->end() && found->is_number_unsigned() && *found != 0u)
                return found->get<uint64_t>();
        }
    return 0;
}

}  // namespace

ModelConfig parse_model_config(const std::string &config) {
    const Config root = Config::parse(standard_json(config), nullptr, false);
    if (!root.is_object()) throw DataError("not a JSON object");
    const auto nested = root.find("text_config");
    const Config &text = nested != root.end() && nested->is_object() ? *nested : root;
    ModelConfig parsed;
    for (const Config *object : {&root, &text}) {
        const auto type = object->find("model_type");
        if (type != object->end() && type->is_string()) parsed.model_type = *type;
    }
    parsed.vocab_size = find_number(root, text, {"vocab_size", "n_vocab"});
    parsed.hidden_size = find_number(root, text, {"hidden_size", "n_embd", "d_model", "dim"});
    parsed.layers =
        find_number(root, text, {"num_hidden_layers", "n_layer", "num_layers", "n_layers"});
    parsed.experts = find_number(root, text,
                                 {"num_local_experts", "num_experts", "n_routed_experts",
                                  "moe_num_experts", "num_moe_experts", "n_experts"});
    return parsed;
}

}  // namespace densq::tool
