// SPDX-License-Identifier: MIT
#include "matrix_reader.hpp"

#include <algorithm>

#include "parallel.hpp"

namespace densq::tool {
namespace {

constexpr uint64_t kBand = 64;  // columns that a thread turns at a time

}  // namespace

MatrixReader::MatrixReader(const Checkpoint::Entry &entry_, const MatrixOrigin &origin,
                           const MatrixPlan &matrix, uint32_t threads)
    : entry(entry_), cols(matrix.cols), first(origin.slice * matrix.rows * matrix.cols) {
    if (!origin.transposed) return;
    const uint64_t rows = matrix.rows;
    turned.resize(rows * cols);
    const auto bands = static_cast<uint32_t>((cols + kBand - 1) / kBand);
    for_each_index(bands, threads, [&](uint32_t band) {
        std::vector<float> column(rows);
        for (uint64_t c = band * kBand; c < std::min(cols, (band + 1) * kBand); ++c) {
            entry.read(first + c * rows, first + (c + 1) * rows, column.data());
            for (uint64_t r = 0; r < rows; ++r) turned[r * cols + c] = column[r];
        }
    });
}

void MatrixReader::read_row(uint32_t row, float *out) const {
    if (turned.empty())
        entry.read(first + row * cols, first + (row + 1) * cols, out);
    else
        std::copy_n(turned.begin() + static_cast<ptrdiff_t>(row * cols), cols, out);
}

}  // namespace densq::tool
