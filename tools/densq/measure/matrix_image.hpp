// SPDX-License-Identifier: MIT
// matrix_image.hpp - the bytes of a densq file that holds one matrix, taken from a file or made up.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/densq/format/shape.hpp"

namespace densq::tool {

struct MatrixImage {
    std::string name;
    uint32_t rows = 0, cols = 0, bits = 0, nnz = 0;
    std::vector<uint8_t> bytes;  // the file
    size_t begin = 0, end = 0;   // where in it the matrix lies: all sections with their padding
};

// Matrix `index` of a file that densq_open_path has proved.
MatrixImage read_matrix_image(const std::string &path, uint32_t index);

// Where a made-up matrix has its nonzeros: spread evenly, or the worst for threads and caches.
enum class NonzeroPlacement { kEven, kFullRows, kFullColumns };

// The same by the names that the command line has for them.
const std::map<std::string, NonzeroPlacement> &nonzero_placements();

// Random codes, LUTs and `nnz` values.
MatrixImage make_matrix_image(uint32_t rows, uint32_t cols, uint32_t bits, uint32_t nnz,
                              NonzeroPlacement nonzeros = NonzeroPlacement::kEven);

}  // namespace densq::tool
