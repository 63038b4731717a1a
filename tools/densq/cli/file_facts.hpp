// SPDX-License-Identifier: MIT
// file_facts.hpp - what a person wants to know of a densq file, gathered from its directory, its
// metadata and the file system.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tools/densq/format/config_text.hpp"
#include "tools/densq/format/file_contents.hpp"
#include "tools/densq/format/metadata_json.hpp"

namespace densq::tool {

// Matrices or plain tensors whose names differ in numbers only and that are alike.
struct EntryGroup {
    std::string name;  // "model.layers.*.mlp.up_proj.weight"
    bool quantized;
    std::vector<uint64_t> shape;
    uint32_t bits;      // of a matrix
    std::string dtype;  // of a plain tensor
    uint64_t count = 0, nnz = 0, bytes = 0;
    double elements = 0;
};

struct FileFacts {
    FileContents contents;
    std::vector<EntryGroup> groups;  // matrices first, by name
    Architecture architecture;
    std::string tool;                                          // what made it
    std::string options_json;                                  // empty if there is none
    std::vector<std::pair<std::string, std::string>> options;  // the same
    std::vector<Choice> choices;
    std::string modified;               // "2026-11-26T05:53:11Z"
    std::vector<std::string> problems;  // of metadata that is not what densq writes
};

// `path`: where the file was opened.
FileFacts gather_facts(const densq_file *file, const std::string &path);

// The name with a star for each part that is a number.
std::string without_numbers(const std::string &name);

}  // namespace densq::tool
