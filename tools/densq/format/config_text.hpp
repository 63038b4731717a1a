// SPDX-License-Identifier: MIT
// config_text.hpp - a model's config.json as text, which can be changed without touching anything
// else.  Python writes Infinity and NaN into such files, which are no JSON, so that a JSON library
// refuses them as a whole.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "densq/densq.h"

namespace densq::tool {

// The text with null in place of Infinity, -Infinity and NaN.
std::string standard_json(std::string_view text);

// A member of a JSON object, as it stands in the text; the key is without its quotes.
struct Member {
    std::string_view key, value;
};

// The members of the object that is the whole text; DataError if it is none.  What their values are
// is not checked, only where they end.
std::vector<Member> members_of(std::string_view object);

struct Architecture {
    std::string model_type;            // "llama"; empty if not given
    std::vector<std::string> classes;  // "LlamaForCausalLM"
};

// DataError if the config is no JSON object.
Architecture read_architecture(std::string_view config);

// What the config states as `dtype` or `torch_dtype`, in itself or in its text_config; nothing if
// there is no such statement, or if it names another type.
std::optional<densq_dtype> read_config_dtype(std::string_view config);

// The same text with another dtype in all these places, or in a new one if there is none.
std::string with_config_dtype(std::string_view config, densq_dtype dtype);

// The same text without the members of this key, in itself and in its text_config.
std::string without_config_member(std::string_view config, std::string_view key);

}  // namespace densq::tool
