// SPDX-License-Identifier: MIT
#include "tensor_selection.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>

#include "densq/format.h"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/model_json.hpp"

namespace densq::tool {
namespace {

bool matches(const std::string &pattern, const std::string &name) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

bool matches_any(const std::vector<std::string> &patterns, const std::string &name) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string &pattern) { return matches(pattern, name); });
}

// Whether a part of the dotted name, except the last one, is a number.
bool is_numbered(const std::string &name) {
    size_t begin = 0;
    for (size_t dot; (dot = name.find('.', begin)) != std::string::npos; begin = dot + 1)
        if (dot > begin && name.find_first_not_of("0123456789", begin) == dot) return true;
    return false;
}

}  // namespace

// Not by std::regex, which recurses for every character of the name: names can have any length.
bool is_linear_layer(const std::string &name, const SafeTensor &tensor) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto has = [&](const char *part) { return lower.find(part) != std::string::npos; };
    return tensor.shape.size() == 2 && is_numbered(name) && name.ends_with("weight") &&
           !has("embed") && !has("norm");
}

void refuse_transposed(const std::string &config) {
    const std::string model_type = parse_model_type(config);
    for (const char *type : {"gpt2", "openai-gpt", "imagegpt", "decision_transformer"})
        if (model_type == type)
            throw DataError("config.json: models of type " + model_type +
                            " keep their linear layers transposed, rows and columns exchanged; "
                            "transpose them, or choose tensors with --include");
}

uint32_t TensorSelection::bits_of(const std::string &name, const SafeTensor &tensor) const {
    if (matches_any(exclude, name)) return 0;
    uint32_t chosen = 0;
    for (const auto &[pattern, width] : bits_for)
        if (matches(pattern, name)) chosen = width;
    const bool picked =
        include.empty() ? is_linear_layer(name, tensor) : matches_any(include, name);
    if (!chosen && picked) chosen = bits;
    if (!chosen) return 0;
    if (tensor.shape.size() != 2 || !is_float(tensor))
        throw DataError("tensor '" + name + "' of dtype " + tensor.dtype + " and shape " +
                        tensor.shape_text() + " is no matrix of floats and cannot be quantized");
    for (const uint64_t dimension : tensor.shape)
        if (dimension < 1 || dimension > DENSQ_MAX_DIMENSION)
            throw DataError("tensor '" + name + "': shape " + tensor.shape_text() +
                            " is outside the limits of 1 to " +
                            std::to_string(DENSQ_MAX_DIMENSION) + " rows and columns");
    return chosen;
}

bool TensorSelection::drops(const std::string &name) const { return matches_any(drop, name); }

}  // namespace densq::tool
