// SPDX-License-Identifier: MIT
// metadata_json.hpp - what the metadata entries densq.* of a file say.  A DataError, which names
// the entry, if one is not what densq writes.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace densq::tool {

constexpr const char *kToolKey = "densq.tool", *kOptionsKey = "densq.options",
                     *kChoiceKey = "densq.choice", *kSlicesKey = "densq.slices";

// Names and values of the options, as text.
std::vector<std::pair<std::string, std::string>> parse_options(std::string_view text);

// A group of tensors, what became of it and why.
struct Choice {
    std::string group, kept, why;
    uint64_t tensors, weights, bytes;
};
std::vector<Choice> parse_choices(std::string_view text);

// A three-dimensional tensor NAME whose slices are the matrices NAME.0, NAME.1, ...; they are
// transposed in it or not.
struct Slicing {
    uint64_t slices;
    bool transposed;
};
std::map<std::string, Slicing> parse_slices(std::string_view text);

}  // namespace densq::tool
