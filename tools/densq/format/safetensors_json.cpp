// SPDX-License-Identifier: MIT
#include "safetensors_json.hpp"

#include <nlohmann/json.hpp>

#include "handles.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kHeaderAlignment = 8, kMostHeaderBytes = 100'000'000;

}  // namespace

std::string write_safetensors_header(const std::vector<OutputTensor> &tensors) {
    // Put together by hand: an ordered object looks through all its members for each new one.
    std::string header = R"({"__metadata__":{"format":"pt"})";
    uint64_t position = 0;
    for (const OutputTensor &tensor : tensors) {
        const uint64_t end = position + tensor.bytes();
        const Json entry = {{"dtype", dtype_name(tensor.dtype)},
                            {"shape", tensor.shape},
                            {"data_offsets", {position, end}}};
        header += "," + Json(tensor.name).dump() + ":" + entry.dump();
        position = end;
    }
    header += "}";
    header.append((kHeaderAlignment - header.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
    if (header.size() > kMostHeaderBytes)
        throw DataError("the header of a shard would have " + std::to_string(header.size()) +
                        " bytes, and readers take at most " + std::to_string(kMostHeaderBytes) +
                        ": make smaller shards with --shard-size");
    return header;
}

std::string write_shard_index(const std::map<std::string, std::string> &shards, uint64_t bytes) {
    const nlohmann::json index = {{"metadata", {{"total_size", bytes}}}, {"weight_map", shards}};
    return index.dump(2) + "\n";
}

}  // namespace densq::tool
