// SPDX-License-Identifier: MIT
// model_json.hpp - the JSON files and headers of a model, read strictly.  This file and
// part_json.hpp alone know the JSON library here, which takes long to compile.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace densq::tool {

// An entry of a .safetensors header.
struct HeaderTensor {
    std::string name, dtype;
    std::vector<uint64_t> shape;
    uint64_t begin, end;  // in the file's data
};

// Returns the entries in the order of their names, without the metadata.  Throws a DataError, which
// does not name the file, if the header is something else.
std::vector<HeaderTensor> parse_safetensors_header(const char *text, uint64_t size);

// Returns the names of the files in an index of shards.  Throws a DataError, which does not name
// the index.
std::set<std::string> parse_shard_index(const std::string &text);

// The model_type of a config.json; empty if it has none or is no JSON.
std::string parse_model_type(const std::string &config);

}  // namespace densq::tool
