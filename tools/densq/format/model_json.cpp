// SPDX-License-Identifier: MIT
#include "model_json.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 4;

// Duplicate keys and deep nesting, which JSON readers disagree on, are refused.
json parse_strictly(const char *text, uint64_t size) {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, json::parse_event_t event, json &value) {
        if (depth > kMaxDepth) throw DataError("its header is nested too deeply");
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key &&
            !keys.back().insert(value.get<std::string>()).second)
            throw DataError("its header has the key '" + value.get<std::string>() + "' twice");
        return true;
    };
    return json::parse(text, text + size, check);
}

// The conversions of the JSON library are not strict: they take -1 for 2^64 - 1, 1.5 for 1 and 1
// for a list.
std::vector<uint64_t> parse_sizes(const std::string &name, const json &entry, const char *key) {
    const json &list = entry.at(key);
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), [](const json &size) {
            return size.is_number_unsigned();
        }))
        throw DataError("tensor '" + name + "': its " + key + " is no list of whole numbers");
    return list.get<std::vector<uint64_t>>();
}

HeaderTensor parse_tensor(const std::string &name, const json &entry) {
    HeaderTensor tensor = {name, entry.at("dtype").get<std::string>(),
                           parse_sizes(name, entry, "shape"), 0, 0};
    const std::vector<uint64_t> offsets = parse_sizes(name, entry, "data_offsets");
    if (offsets.size() != 2)
        throw DataError("tensor '" + name + "': its data_offsets are not two numbers");
    tensor.begin = offsets[0];
    tensor.end = offsets[1];
    return tensor;
}

}  // namespace

std::vector<HeaderTensor> parse_safetensors_header(const char *text, uint64_t size) {
    try {
        const json header = parse_strictly(text, size);
        if (!header.is_object()) throw DataError("its header is no JSON object");
        std::vector<HeaderTensor> tensors;
        for (const auto &[name, entry] : header.items())
            if (name != "__metadata__") tensors.push_back(parse_tensor(name, entry));
        return tensors;
    } catch (const json::exception &error) {
        throw DataError(std::string("its header is not what safetensors prescribes: ") +
                        error.what());
    }
}

std::set<std::string> parse_shard_index(const std::string &text) {
    try {
        std::set<std::string> shards;
        for (const auto &[tensor, shard] :
             json::parse(text).at("weight_map").get<std::map<std::string, std::string>>())
            shards.insert(shard);
        return shards;
    } catch (const json::exception &error) {
        throw DataError(std::string("not an index of shards: ") + error.what());
    }
}

std::string parse_model_type(const std::string &config) {
    const json root = json::parse(config, nullptr, false);
    if (!root.is_object() || !root.contains("model_type") || !root["model_type"].is_string())
        return "";
    return root["model_type"].get<std::string>();
}

}  // namespace densq::tool
