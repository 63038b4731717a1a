// SPDX-License-Identifier: MIT
#include "part_json.hpp"

#include <nlohmann/json.hpp>

#include "fingerprint.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

// The conversions of the JSON library take -1 for 2^64 - 1 and 1.5 for 1.
uint32_t part_number(const nlohmann::json &value) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > UINT32_MAX)
        throw DataError(std::string(kPartKey) + ": " + value.dump() +
                        " is no number of layers or "
                        "entries");
    return value.get<uint32_t>();
}

}  // namespace

std::string part_json(const PartDescription &part) {
    const nlohmann::ordered_json json = {{"plan", fingerprint_text(part.plan)},
                                         {"layers", {part.first_layer, part.end_layer}},
                                         {"of", part.layers},
                                         {"matrices", part.matrices},
                                         {"tensors", part.tensors}};
    return json.dump();
}

PartDescription parse_part(const std::string &text) {
    try {
        const auto json = nlohmann::json::parse(text);
        const auto plan = json.at("plan").get<std::string>();
        const std::optional<uint64_t> fingerprint = parse_fingerprint(plan);
        if (!fingerprint) throw DataError(std::string(kPartKey) + ": '" + plan + "' is no plan");
        PartDescription part = {};
        part.plan = *fingerprint;
        part.first_layer = part_number(json.at("layers").at(0));
        part.end_layer = part_number(json.at("layers").at(1));
        part.layers = part_number(json.at("of"));
        part.matrices = part_number(json.at("matrices"));
        part.tensors = part_number(json.at("tensors"));
        if (part.first_layer >= part.end_layer || part.end_layer > part.layers)
            throw DataError(std::string(kPartKey) + ": the layers " +
                            std::to_string(part.first_layer) + ":" +
                            std::to_string(part.end_layer) + " of " + std::to_string(part.layers) +
                            " cannot be");
        return part;
    } catch (const nlohmann::json::exception &error) {
        throw DataError(std::string(kPartKey) + ": " + error.what());
    }
}

}  // namespace densq::tool
