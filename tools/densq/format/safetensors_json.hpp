// SPDX-License-Identifier: MIT
// safetensors_json.hpp - the header of a .safetensors file and the index of shards, written.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "handles.hpp"

namespace densq::tool {

struct OutputTensor {
    std::string name;
    densq_dtype dtype;
    std::vector<uint64_t> shape;

    uint64_t elements() const {
        return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
    }
    uint64_t bytes() const { return elements() * dtype_bytes(dtype); }
};

// Filled up with spaces, so that the values behind it are aligned.  DataError if it is larger than
// the reference implementation reads.
std::string write_safetensors_header(const std::vector<OutputTensor> &tensors);

// `shards`: the names of files by those of their tensors.
std::string write_shard_index(const std::map<std::string, std::string> &shards, uint64_t bytes);

}  // namespace densq::tool
