// SPDX-License-Identifier: MIT
// model_config.hpp - what the choice of tensors needs to know of a model's config.json.
#pragma once
#include <cstdint>
#include <string>

namespace densq::tool {

// What a configuration does not say is empty or 0.  Of a model of text and images, that of the
// text.
struct ModelConfig {
    std::string model_type;
    uint64_t vocab_size = 0, hidden_size = 0, layers = 0, experts = 0;
};

// Throws a DataError, which does not name the file, if the text is no JSON object.
ModelConfig parse_model_config(const std::string &config);

}  // namespace densq::tool
