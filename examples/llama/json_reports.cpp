// SPDX-License-Identifier: MIT
#include "json_reports.hpp"

#include <nlohmann/json.hpp>

namespace llama {
namespace {

using Json = nlohmann::ordered_json;

Json describe(const Quality &quality, bool compared) {
    Json json = {{"tokens", quality.tokens}, {"perplexity", quality.perplexity}};
    if (compared) {
        json["kl_mean"] = quality.kl_mean;
        json["kl_p99"] = quality.kl_p99;
        json["top1_agreement"] = quality.top1_agreement;
    }
    json["tokens_per_second"] = quality.tokens_per_second;
    return json;
}

}  // namespace

std::string speed_json(const Speed &speed, const std::string *text) {
    Json json = {{"prompt_tokens", speed.prompt_tokens},
                 {"prompt_tokens_per_second", speed.prompt_rate()},
                 {"tokens", speed.tokens},
                 {"tokens_per_second", speed.token_rate()}};
    if (text) json["text"] = *text;
    // A text may end inside a character.
    return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string quality_json(const Quality &quality, bool compared) {
    return describe(quality, compared).dump(2);
}

std::vector<std::pair<std::string, std::string>> quality_values(const Quality &quality,
                                                                bool compared) {
    std::vector<std::pair<std::string, std::string>> values;
    const Json json = describe(quality, compared);
    for (const auto &[name, value] : json.items()) values.emplace_back(name, value.dump());
    return values;
}

std::string numbers_json(const std::vector<float> &numbers) { return Json(numbers).dump(); }
std::string numbers_json(const std::vector<Token> &numbers) { return Json(numbers).dump(); }

std::string parse_json_string(const std::string &json) {
    return Json::parse(json).get<std::string>();
}

}  // namespace llama
