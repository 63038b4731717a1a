// SPDX-License-Identifier: MIT
// model_json.hpp - the JSON files of a model.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace densq::tool {

// Returns the file of every tensor in an index of shards.  Throws a DataError, which does not name
// the index.
std::map<std::string, std::string> parse_shard_index(const std::string &text);

// DataError if the text of this file is no JSON.
void require_json(const std::filesystem::path &file, const std::string &text);

// What a config.json says about the quantization of its weights.
struct QuantizationConfig {
    std::string method;   // "gptq", as the config calls it; empty: the weights are not quantized
    std::string format;   // more about it, as text: "4 bits", "nvfp4-pack-quantized"; or empty
    bool is_fp8 = false;  // FP8 weights beside their scales, and nothing else
    std::vector<uint64_t> block_shape;  // of the weights that share a scale; empty: not said
};

// From the text of this config.json; DataError if it is no JSON object.
QuantizationConfig parse_quantization(const std::filesystem::path &file, const std::string &config);

// The same config.json for weights that are not quantized any more.
std::string remove_quantization(const std::string &config);

}  // namespace densq::tool
