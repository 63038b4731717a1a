// SPDX-License-Identifier: MIT
// shallow_json.hpp - small JSON texts from files that may come from anyone.  Deep nesting, for
// which the JSON library runs out of stack when it writes, is refused.  For the files that know
// this library.
#pragma once
#include <string_view>

#include <nlohmann/json.hpp>

#include "tools/densq/errors.hpp"

namespace densq::tool {

// DataError, which does not say where the text is from, if it is no JSON.
inline nlohmann::json parse_shallow(std::string_view text) {
    constexpr int kMaxDepth = 4;
    constexpr size_t kMaxBytes = 1 << 20;
    using Json = nlohmann::json;
    if (text.size() > kMaxBytes) throw DataError("it is too long");
    try {
        return Json::parse(text, [](int depth, Json::parse_event_t, Json &) {
            if (depth > kMaxDepth) throw DataError("it is nested too deeply");
            return true;
        });
    } catch (const Json::exception &) {
        throw DataError("it is no JSON");
    }
}

}  // namespace densq::tool
