// SPDX-License-Identifier: MIT
// safetensors_writer.hpp - writes a .safetensors file.  All names, types and shapes are known
// before, so that the header comes first and the values follow as they are made.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "output_file.hpp"
#include "safetensors_json.hpp"

namespace densq::tool {

class SafetensorsWriter {
public:
    // `tensors`: in the order in which they will be written.  Those of F32 come first, so that all
    // values are aligned.  DataError if a header cannot hold them.
    SafetensorsWriter(const std::filesystem::path &path, const std::vector<OutputTensor> &tensors);

    // The values follow each other without gaps.  std::logic_error if they are more than planned.
    void write(const void *values, uint64_t bytes);

    // std::logic_error if values are missing.
    void finish();

private:
    SafetensorsWriter(const std::filesystem::path &path, const std::string &header,
                      uint64_t data_bytes);

    OutputFile file;
    uint64_t missing;
};

}  // namespace densq::tool
