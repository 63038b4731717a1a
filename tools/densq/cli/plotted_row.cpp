// SPDX-License-Identifier: MIT
#include "plotted_row.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "densq/half.h"
#include "densq/layout.h"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/measure/matrix_image.hpp"
#include "tools/densq/quantize/matrix_reader.hpp"

namespace densq::tool {
namespace {

uint32_t find_plotted(const densq_file *file, const InfoOptions &options) {
    uint32_t index = 0;
    if (!options.matrix.empty() &&
        densq_find(file, DENSQ_MATRIX, options.matrix.c_str(), &index) != DENSQ_OK)
        throw DataError(options.file + ": has no matrix '" + options.matrix +
                        "'; densq info --all lists them");
    const densq_matrix matrix = get_matrix(file, index);
    if (options.row >= matrix.rows)
        throw UsageError("--row: matrix '" + std::string(matrix.name, matrix.name_bytes) +
                         "' has the rows 0 to " + std::to_string(matrix.rows - 1));
    return index;
}

// Where the matrix of this name is in the original model.
MatrixOrigin find_origin(const densq_file *file, const std::string &name) {
    const size_t dot = name.rfind('.');
    const auto text = find_text(file, kSlicesKey);
    if (text && dot != std::string::npos) {
        const auto slicings = parse_slices(*text);
        const auto found = slicings.find(name.substr(0, dot));
        for (uint64_t i = 0; found != slicings.end() && i < found->second.slices; ++i)
            if (name.substr(dot + 1) == std::to_string(i))
                return {found->first, i, true, found->second.transposed};
    }
    return {.tensor = name};
}

const Checkpoint::Entry &find_original(const Checkpoint &model, const MatrixOrigin &origin,
                                       const densq_matrix &matrix) {
    const auto found = model.tensors.find(origin.tensor);
    if (found == model.tensors.end())
        throw DataError(model.folder.string() + ": the model has no tensor '" + origin.tensor +
                        "'; is it the model of which the file was made?");
    const SafeTensor &tensor = *found->second.tensor;
    std::vector<uint64_t> shape = {matrix.rows, matrix.cols};
    if (origin.transposed) std::swap(shape[0], shape[1]);
    if (origin.stacked) shape.insert(shape.begin(), tensor.shape.empty() ? 0 : tensor.shape[0]);
    if (tensor.shape != shape || (origin.stacked && origin.slice >= shape[0]) || !is_float(tensor))
        throw DataError(found->second.describe(origin.tensor) + " of shape " + tensor.shape_text() +
                        " and dtype " + tensor.dtype +
                        " is not what the file's matrix was made of");
    return found->second;
}

std::vector<float> read_original(const Checkpoint &model, const MatrixOrigin &origin,
                                 const densq_matrix &matrix, uint32_t row) {
    const Checkpoint::Entry &entry = find_original(model, origin, matrix);
    const MatrixPlan plan = {matrix.rows, matrix.cols, matrix.bits, matrix.nnz};
    std::vector<float> weights(matrix.cols);
    MatrixReader(entry, origin, plan, 1).read_row(row, weights.data());
    if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); }))
        throw DataError(entry.describe(origin.tensor) + ": row " + std::to_string(row) +
                        " holds a NaN or an infinity and cannot be plotted");
    return weights;
}

std::vector<float> read_centroids(const std::string &path, uint32_t index, uint32_t row) {
    const MatrixImage image = read_matrix_image(path, index);
    const densq_sections sections =
        densq_place_sections(image.rows, image.cols, image.bits, image.nnz);
    std::vector<uint16_t> entries(size_t{1} << image.bits);
    std::memcpy(entries.data(),
                image.bytes.data() + image.begin + sections.lut.offset +
                    row * entries.size() * sizeof entries[0],
                entries.size() * sizeof entries[0]);
    std::vector<float> centroids(entries.size());
    std::transform(entries.begin(), entries.end(), centroids.begin(), densq_f16_to_f32);
    std::sort(centroids.begin(), centroids.end());
    centroids.erase(std::unique(centroids.begin(), centroids.end()), centroids.end());
    return centroids;
}

}  // namespace

PlottedRow read_plotted_row(const densq_file *file, const InfoOptions &options) {
    const uint32_t index = find_plotted(file, options);
    const densq_matrix matrix = get_matrix(file, index);
    const std::string name(matrix.name, matrix.name_bytes);
    const Checkpoint model(options.model, {"model.safetensors"});
    PlottedRow plotted = {name,
                          options.row,
                          read_original(model, find_origin(file, name), matrix, options.row),
                          read_centroids(options.file, index, options.row),
                          {}};
    std::vector<float> decoded(matrix.cols);
    require(densq_read_rows(file, index, options.row, 1, decoded.data(), matrix.cols));
    for (const float weight : decoded)  // a sparse value adds to an entry
        plotted.sparse.push_back(
            !std::binary_search(plotted.centroids.begin(), plotted.centroids.end(), weight));
    return plotted;
}

}  // namespace densq::tool
