// SPDX-License-Identifier: MIT
// cmd_info.cpp - densq info: what a file holds, as a table or as JSON.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "entries.hpp"
#include "shape.hpp"

namespace densq::tool {
namespace {

struct Options {
    std::string file;
    bool json = false;
};

struct Totals {
    double weights = 0, nnz = 0;
    uint64_t matrix_bytes = 0, tensor_bytes = 0, metadata_bytes = 0, file_bytes = 0;

    double bits_per_weight() const {
        return weights > 0 ? 8 * static_cast<double>(matrix_bytes) / weights : 0;
    }
};

struct Contents {
    std::vector<MatrixEntry> matrices;
    std::vector<TensorEntry> tensors;
    std::vector<MetadataEntry> metadata;
    Totals totals;
};

Contents read_contents(const std::string &path) {
    const File file = open_file(path, DENSQ_OPEN_SKIP_CHECKSUM);
    Contents contents = {
        list_matrices(file.get()), list_tensors(file.get()), list_metadata(file.get()), {}};
    for (const MatrixEntry &matrix : contents.matrices) {
        contents.totals.weights += matrix.weights();
        contents.totals.nnz += matrix.nnz;
        contents.totals.matrix_bytes += matrix.bytes;
    }
    for (const TensorEntry &tensor : contents.tensors) contents.totals.tensor_bytes += tensor.bytes;
    for (const MetadataEntry &entry : contents.metadata)
        contents.totals.metadata_bytes += entry.bytes;
    contents.totals.file_bytes = std::filesystem::file_size(path);
    return contents;
}

void print_table(const Contents &contents) {
    size_t width = 4;
    for (const MatrixEntry &matrix : contents.matrices) width = std::max(width, matrix.name.size());
    for (const TensorEntry &tensor : contents.tensors) width = std::max(width, tensor.name.size());
    for (const MetadataEntry &entry : contents.metadata) width = std::max(width, entry.key.size());
    const int name_width = static_cast<int>(width);
    std::printf("%-*s  %16s  %5s  %6s  %11s  %11s\n", name_width, "name", "shape", "bits", "nnz %",
                "bytes", "bits/weight");
    for (const MatrixEntry &matrix : contents.matrices)
        std::printf("%-*s  %16s  %5u  %6.2f  %11llu  %11.3f\n", name_width, matrix.name.c_str(),
                    shape_text({matrix.rows, matrix.cols}).c_str(), matrix.bits,
                    100 * matrix.nnz / matrix.weights(),
                    static_cast<unsigned long long>(matrix.bytes), matrix.bits_per_weight());
    for (const TensorEntry &tensor : contents.tensors)
        std::printf("%-*s  %16s  %5s  %6s  %11llu\n", name_width, tensor.name.c_str(),
                    tensor.shape.empty() ? "scalar" : shape_text(tensor.shape).c_str(),
                    tensor.dtype.c_str(), "", static_cast<unsigned long long>(tensor.bytes));
    for (const MetadataEntry &entry : contents.metadata)
        std::printf("%-*s  %16s  %5s  %6s  %11llu\n", name_width, entry.key.c_str(), "metadata", "",
                    "", static_cast<unsigned long long>(entry.bytes));
    const Totals &totals = contents.totals;
    std::printf("\n%zu matrices: %.0f weights, %.2f %% sparse, %llu bytes, %.3f bits per weight\n",
                contents.matrices.size(), totals.weights,
                totals.weights > 0 ? 100 * totals.nnz / totals.weights : 0.0,
                static_cast<unsigned long long>(totals.matrix_bytes), totals.bits_per_weight());
    std::printf("%zu plain tensors: %llu bytes; metadata: %llu bytes; file: %llu bytes\n",
                contents.tensors.size(), static_cast<unsigned long long>(totals.tensor_bytes),
                static_cast<unsigned long long>(totals.metadata_bytes),
                static_cast<unsigned long long>(totals.file_bytes));
}

void print_json(const Contents &contents) {
    nlohmann::ordered_json json;
    json["matrices"] = nlohmann::json::array();
    json["tensors"] = nlohmann::json::array();
    json["metadata"] = nlohmann::json::array();
    for (const MatrixEntry &matrix : contents.matrices)
        json["matrices"].push_back({{"name", matrix.name},
                                    {"rows", matrix.rows},
                                    {"cols", matrix.cols},
                                    {"bits", matrix.bits},
                                    {"nnz", matrix.nnz},
                                    {"bytes", matrix.bytes},
                                    {"bits_per_weight", matrix.bits_per_weight()}});
    for (const TensorEntry &tensor : contents.tensors)
        json["tensors"].push_back({{"name", tensor.name},
                                   {"dtype", tensor.dtype},
                                   {"shape", tensor.shape},
                                   {"bytes", tensor.bytes}});
    for (const MetadataEntry &entry : contents.metadata)
        json["metadata"].push_back({{"key", entry.key}, {"bytes", entry.bytes}});
    const Totals &totals = contents.totals;
    json["totals"] = {{"weights", totals.weights},
                      {"nnz", totals.nnz},
                      {"matrix_bytes", totals.matrix_bytes},
                      {"tensor_bytes", totals.tensor_bytes},
                      {"metadata_bytes", totals.metadata_bytes},
                      {"file_bytes", totals.file_bytes},
                      {"bits_per_weight", totals.bits_per_weight()}};
    std::printf("%s\n", json.dump(2).c_str());
}

}  // namespace

void add_info(CLI::App &app) {
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand("info", "Show what a densq file holds");
    command->add_option("FILE", options->file, "a densq file")->required();
    command->add_flag("--json", options->json, "JSON instead of a table");
    command->footer("Bits per weight count codes, LUTs, sparse values, column indices, row "
                    "pointers and padding.\nChecksums are not read: see densq verify.");
    command->callback([options] {
        const Contents contents = read_contents(options->file);
        options->json ? print_json(contents) : print_table(contents);
    });
}

}  // namespace densq::tool
