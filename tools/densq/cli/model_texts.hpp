// SPDX-License-Identifier: MIT
// model_texts.hpp - the texts of a model's folder that a densq file keeps in its metadata.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tools/densq/quantize/tensor_selection.hpp"

namespace densq::tool {

// The names of these files, whether they are there or not.
std::vector<std::string> text_names();

// The texts by name, without those that the chooser drops.  DataError if one cannot be kept, or if
// a file that belongs to them cannot.  Adds to `notices` what is left behind.
std::map<std::string, std::string> read_model_texts(const std::filesystem::path &folder,
                                                    TensorChooser *chooser,
                                                    std::vector<std::string> *notices);

}  // namespace densq::tool
