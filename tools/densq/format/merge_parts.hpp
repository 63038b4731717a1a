// SPDX-License-Identifier: MIT
// merge_parts.hpp - parts of a model, which were quantized apart, as the file that one run makes.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "file_writer.hpp"
#include "part_json.hpp"

namespace densq::tool {

class PartsToMerge {
public:
    // Proves the parts, and that they are all of one whole; DataError names the one that is not.
    explicit PartsToMerge(const std::vector<std::filesystem::path> &paths);

    FilePlan plan;             // of the whole
    uint64_t fingerprint = 0;  // what the parts say
    uint64_t bytes = 0;        // of all matrices and tensors

    // Copies one entry after the other, and calls done(its bytes) after each.
    void copy_to(FileWriter *writer, const std::function<void(uint64_t)> &done) const;

private:
    struct Part {
        std::filesystem::path path;
        PartDescription description;
        Directory directory;
    };
    struct Place {
        size_t part, index;  // of the entry among those of its kind
    };
    void add_part(const std::filesystem::path &path);
    void check_ranges() const;
    void check_same_plan(const Part &part) const;
    void check_same_metadata(const Part &part, const FilePlan &own) const;
    void check_totals() const;
    void add_entries(size_t part, const FilePlan &own);

    std::vector<Part> parts;
    std::map<std::string, Place> places;  // of matrices and tensors
};

}  // namespace densq::tool
