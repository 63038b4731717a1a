// SPDX-License-Identifier: MIT
// part_json.hpp - the metadata entry that makes a densq file a part of a larger one: which layers
// of which plan it holds.  It knows the JSON library, which takes long to compile.
#pragma once
#include <cstdint>
#include <string>

namespace densq::tool {

constexpr const char *kPartKey = "densq.part";

struct PartDescription {
    uint64_t plan;                            // the fingerprint of the whole
    uint32_t first_layer, end_layer, layers;  // [first_layer, end_layer) of that many
    uint64_t matrices, tensors;               // of the whole
};

std::string part_json(const PartDescription &part);

// Throws a DataError, which does not name the file.
PartDescription parse_part(const std::string &text);

}  // namespace densq::tool
