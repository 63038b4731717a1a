// SPDX-License-Identifier: MIT
#include "metadata_json.hpp"

#include "shallow_json.hpp"

namespace densq::tool {
namespace {

using nlohmann::json;

// Calls read(json) and says of which entry an error is.
template <typename Read>
auto read_entry(const char *key, std::string_view text, Read read) {
    const auto fail = [&](const char *what) {
        throw DataError(std::string("the metadata entry '") + key +
                        "' is not what densq writes: " + what);
    };
    try {
        return read(parse_shallow(text));
    } catch (const DataError &error) {
        fail(error.what());
    } catch (const json::exception &error) {
        fail(error.what());
    }
    return decltype(read(json())){};
}

// "0.40%", "true", "*.0.*=3 *.1.*=2".
std::string plain_text(const json &value) {
    if (value.is_string()) return value;
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const json &item : value) text += (text.empty() ? "" : " ") + plain_text(item);
    return text;
}

// The library takes -1 for 2^64 - 1.
uint64_t whole_number(const json &object, const char *key) {
    if (!object.at(key).is_number_unsigned())
        throw DataError(std::string(key) + " is no whole number");
    return object.at(key);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_options(std::string_view text) {
    return read_entry(kOptionsKey, text, [](const json &root) {
        if (!root.is_object()) throw DataError("it is no object");
        std::vector<std::pair<std::string, std::string>> options;
        for (const auto &[name, value] : root.items())
            options.emplace_back(name, plain_text(value));
        return options;
    });
}

std::vector<Choice> parse_choices(std::string_view text) {
    return read_entry(kChoiceKey, text, [](const json &root) {
        if (!root.is_array()) throw DataError("it is no list");
        std::vector<Choice> choices;
        for (const json &group : root)
            choices.push_back({group.at("group"), group.at("kept"), group.at("why"),
                               whole_number(group, "tensors"), whole_number(group, "weights"),
                               whole_number(group, "bytes")});
        return choices;
    });
}

std::map<std::string, Slicing> parse_slices(std::string_view text) {
    return read_entry(kSlicesKey, text, [](const json &root) {
        if (!root.is_object()) throw DataError("it is no object");
        std::map<std::string, Slicing> slicings;
        for (const auto &[name, entry] : root.items()) {
            const uint64_t slices = whole_number(entry, "slices");
            if (slices == 0) throw DataError("'" + name + "' has no slices");
            slicings[name] = {slices, entry.at("transposed").get<bool>()};
        }
        return slicings;
    });
}

}  // namespace densq::tool
