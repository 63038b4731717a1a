// SPDX-License-Identifier: MIT
// checkpoint.hpp - a Hugging Face model: one .safetensors file, or a folder with one or with shards
// and their index.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "safetensors.hpp"

namespace densq::tool {

class Checkpoint {
public:
    // `path`: a .safetensors file or a folder.  `single_names`: what an unsharded file in a folder
    // may be called, in order of preference.
    Checkpoint(const std::filesystem::path &path, const std::vector<std::string> &single_names);

    struct Entry {
        const SafeTensors *file;
        const SafeTensor *tensor;

        std::string describe(const std::string &name) const;  // "FILE: tensor 'NAME'"
        void read_row(uint32_t row, float *out) const;        // of a matrix of floats
    };
    std::map<std::string, Entry> tensors;  // by name

    std::filesystem::path folder;               // where config.json and the like are
    std::vector<std::filesystem::path> inputs;  // the files read

private:
    void add_file(const std::filesystem::path &path);
    void add_shards(const std::filesystem::path &index);

    std::vector<std::unique_ptr<SafeTensors>> files;
};

// The text of a file; empty if it does not exist.
std::string read_text(const std::filesystem::path &path);

}  // namespace densq::tool
