// SPDX-License-Identifier: MIT
#include "safetensors_writer.hpp"

#include <numeric>
#include <stdexcept>

namespace densq::tool {
namespace {

uint64_t bytes_of(const std::vector<OutputTensor> &tensors) {
    return std::accumulate(tensors.begin(), tensors.end(), uint64_t{0},
                           [](uint64_t sum, const OutputTensor &t) { return sum + t.bytes(); });
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path &path,
                                     const std::vector<OutputTensor> &tensors)
    : SafetensorsWriter(path, write_safetensors_header(tensors), bytes_of(tensors)) {}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path &path, const std::string &header,
                                     uint64_t data_bytes)
    : file(path, sizeof(uint64_t) + header.size() + data_bytes), missing(data_bytes) {
    const uint64_t header_bytes = header.size();
    file.write(&header_bytes, sizeof header_bytes);
    file.write(header.data(), header.size());
}

void SafetensorsWriter::write(const void *values, uint64_t bytes) {
    if (bytes > missing) throw std::logic_error("more values than the header has");
    file.write(values, bytes);
    missing -= bytes;
}

void SafetensorsWriter::finish() {
    if (missing > 0) throw std::logic_error("fewer values than the header has");
    file.finish();
}

}  // namespace densq::tool
