// SPDX-License-Identifier: MIT
// safetensors_header.hpp - the JSON header of a .safetensors file, read strictly.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace densq::tool {

// An entry of a .safetensors header.
struct HeaderTensor {
    std::string name, dtype;
    std::vector<uint64_t> shape;
    uint64_t begin, end;  // in the file's data
};

// Returns the entries in the order of the header, without the metadata.  Throws a DataError, which
// does not name the file, if the header is something else.
std::vector<HeaderTensor> parse_safetensors_header(const char *text, uint64_t size);

}  // namespace densq::tool
