// SPDX-License-Identifier: MIT
// info_command.cpp - densq info: what a file holds, as a table or as JSON.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "json_reports.hpp"
#include "tools/densq/format/file_contents.hpp"
#include "tools/densq/format/shape.hpp"

namespace densq::tool {
namespace {

void print_table(const FileContents &contents) {
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
    const FileTotals &totals = contents.totals;
    std::printf("\n%zu matrices: %.0f weights, %.2f %% sparse, %llu bytes, %.3f bits per weight\n",
                contents.matrices.size(), totals.weights,
                totals.weights > 0 ? 100 * totals.nnz / totals.weights : 0.0,
                static_cast<unsigned long long>(totals.matrix_bytes), totals.bits_per_weight());
    std::printf("%zu plain tensors: %llu bytes; metadata: %llu bytes; file: %llu bytes\n",
                contents.tensors.size(), static_cast<unsigned long long>(totals.tensor_bytes),
                static_cast<unsigned long long>(totals.metadata_bytes),
                static_cast<unsigned long long>(totals.file_bytes));
}

}  // namespace

void info_command(const InfoOptions &options) {
    const File file = open_file(options.file, DENSQ_OPEN_SKIP_CHECKSUM);
    const FileContents contents = list_contents(file.get(), options.file);
    if (options.json)
        std::printf("%s\n", contents_json(contents).c_str());
    else
        print_table(contents);
}

}  // namespace densq::tool
