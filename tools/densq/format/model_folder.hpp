// SPDX-License-Identifier: MIT
// model_folder.hpp - what people give as a model that is none, and what they can do about it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace densq::tool {

// The shards of a model, "model-00001-of-00002.safetensors" for model.safetensors, sorted.
std::vector<std::string> shards_in(const std::filesystem::path &folder,
                                   const std::string &single_name);

// What to do with a file that is not .safetensors: "; convert it ...", or empty.
std::string advice_for_file(const std::filesystem::path &path);

// What to do with a folder that has none of these files, nor an index of their shards.
std::string advice_for_folder(const std::filesystem::path &folder,
                              const std::vector<std::string> &single_names);

}  // namespace densq::tool
