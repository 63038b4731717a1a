// SPDX-License-Identifier: MIT
#include "model_json.hpp"

#include <algorithm>
#include <set>

#include "config_text.hpp"
#include "strict_json.hpp"

namespace densq::tool {
namespace {

using nlohmann::json;

class IndexParser : public StrictJson {
public:
    IndexParser() : StrictJson("not an index of shards") {}

    std::map<std::string, std::string> take_files() {
        if (!has_map) refuse("it has no weight_map");
        return std::move(files);
    }

private:
    void value(const Value &value) override {
        if (depth() == 1 && key_at(0) == "weight_map") {
            if (value.kind != Value::object) refuse("its weight_map is no object");
            has_map = true;
        } else if (depth() == 2 && key_at(0) == "weight_map") {
            if (value.kind != Value::text)
                refuse("the file of tensor '" + printable(key_at(1)) + "' is no text");
            files.emplace_hint(files.end(), key_at(1), std::move(*value.string));
        }
    }

    bool has_map = false;
    std::map<std::string, std::string> files;
};

// Texts and numbers as text; empty for anything else.
std::string text_at(const json &object, const char *key) {
    const auto found = object.find(key);
    if (found == object.end()) return "";
    if (found->is_string()) return found->get<std::string>();
    return found->is_number_unsigned() ? found->dump() : "";
}

bool is_true(const json &object, const char *key) {
    return object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
}

// Where the programs that quantize describe it.
constexpr const char *kQuantizationKeys[] = {"quantization_config", "compression_config",
                                             "quantization"};

// The object that describes the quantization; null if there is none.
json find_quantization(const json &config) {
    for (const char *key : kQuantizationKeys)
        if (config.contains(key) && config[key].is_object() && !config[key].empty())
            return config[key];
    // Models of several parts describe their language model apart.
    if (config.contains("text_config") && config["text_config"].is_object())
        return find_quantization(config["text_config"]);
    return nullptr;
}

std::string find_method(const json &quantization) {
    if (std::string method = text_at(quantization, "quant_method"); !method.empty()) return method;
    if (is_true(quantization, "load_in_4bit") || is_true(quantization, "load_in_8bit"))
        return "bitsandbytes";
    if (quantization.contains("quant_algo")) return "modelopt";
    if (quantization.contains("config_groups")) return "compressed-tensors";
    if (quantization.contains("group_size")) return "mlx";
    return "a method without a name";
}

// The descriptions of weights in compressed-tensors' groups of layers.
std::vector<json> weights_of_groups(const json &quantization) {
    std::vector<json> list;
    if (!quantization.contains("config_groups") || !quantization["config_groups"].is_object())
        return list;
    for (const json &group : quantization["config_groups"])
        list.push_back(group.is_object() ? group.value("weights", json()) : json());
    return list;
}

std::string describe_bits(const json &quantization, const std::vector<json> &groups) {
    for (const char *key : {"bits", "w_bit", "num_bits", "nbits"})
        if (std::string bits = text_at(quantization, key); !bits.empty()) return bits + " bits";
    if (is_true(quantization, "load_in_4bit")) return "4 bits";
    if (is_true(quantization, "load_in_8bit")) return "8 bits";
    for (const char *key : {"format", "quant_algo"})
        if (std::string format = text_at(quantization, key); !format.empty()) return format;
    for (const json &weights : groups)
        if (std::string bits = text_at(weights, "num_bits"); !bits.empty()) return bits + " bits";
    return "";
}

bool describes_fp8(const std::string &method, const json &quantization,
                   const std::vector<json> &groups) {
    if (method == "fp8" || method == "fbgemm_fp8") return true;
    if (method == "modelopt" && groups.empty()) return text_at(quantization, "quant_algo") == "FP8";
    if (method != "compressed-tensors" && method != "modelopt") return false;
    return !groups.empty() && std::all_of(groups.begin(), groups.end(), [](const json &weights) {
        return weights.is_object() && text_at(weights, "num_bits") == "8" &&
               text_at(weights, "type") == "float";
    });
}

// Rows and columns; empty if there are none.
std::vector<uint64_t> parse_block(const json &object, const char *key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array() || found->size() != 2) return {};
    std::vector<uint64_t> shape;
    for (const json &dimension : *found) {
        if (!dimension.is_number_unsigned() || dimension == 0) return {};
        shape.push_back(dimension.get<uint64_t>());
    }
    return shape;
}

}  // namespace

std::map<std::string, std::string> parse_shard_index(const std::string &text) {
    IndexParser parser;
    parser.parse(text.data(), text.size());
    return parser.take_files();
}

void require_json(const std::filesystem::path &file, const std::string &text) {
    const std::string standard = standard_json(text);
    if (json::accept(standard)) return;
    try {
        [[maybe_unused]] const json parsed = json::parse(standard);
    } catch (const json::exception &error) {
        throw DataError(file.string() +
                        ": is not JSON; download it again: " + printable(error.what(), 400));
    }
}

std::string remove_quantization(const std::string &config) {
    const json root = json::parse(standard_json(config), nullptr, false);
    if (find_quantization(root).is_null()) return config;
    std::string changed = config;
    for (const char *key : kQuantizationKeys) changed = without_config_member(changed, key);
    return changed;
}

QuantizationConfig parse_quantization(const std::filesystem::path &file,
                                      const std::string &config) {
    require_json(file, config);
    const json root = json::parse(standard_json(config));
    if (!root.is_object())
        throw DataError(file.string() + ": is no JSON object; download it again");
    const json quantization = find_quantization(root);
    if (quantization.is_null()) return {};
    const std::vector<json> groups = weights_of_groups(quantization);
    QuantizationConfig parsed = {
        find_method(quantization), describe_bits(quantization, groups), false, {}};
    parsed.is_fp8 = describes_fp8(parsed.method, quantization, groups);
    // Blocks of several shapes could be mistaken for each other: none is taken.
    std::set<std::vector<uint64_t>> blocks = {parse_block(quantization, "weight_block_size")};
    for (const json &weights : groups) blocks.insert(parse_block(weights, "block_structure"));
    blocks.erase(std::vector<uint64_t>());
    if (blocks.size() == 1) parsed.block_shape = *blocks.begin();
    return parsed;
}

}  // namespace densq::tool
