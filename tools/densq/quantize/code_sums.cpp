// SPDX-License-Identifier: MIT
#include "code_sums.hpp"

#include <algorithm>

#include "also_avx2.hpp"

namespace densq::tool {
namespace {

constexpr uint32_t kWidth = RowObjective::kBlock;
// Rows of a block of H that stay in the cache while the codes of all rows see them.
constexpr uint32_t kPanel = 512;

// sums[code of a row] += the row
DENSQ_TOOL_ALSO_AVX2 void add_by_code(const float *rows, const uint8_t *codes, uint32_t count,
                                      float *sums) {
    for (uint32_t q = 0; q < count; ++q) {
        const float *from = rows + size_t{q} * kWidth;
        float *sum = sums + codes[q] * kWidth;
        for (uint32_t i = 0; i < kWidth; ++i) sum[i] += from[i];
    }
}

}  // namespace

CodeSums::CodeSums(uint32_t rows_, uint32_t cols_, uint32_t entries_)
    : rows(rows_), cols(cols_), entries(entries_), codes(size_t{rows} * cols),
      by_code(size_t{rows} * (entries + 1) * kWidth), sums(size_t{rows} * entries * entries) {}

// A pair of columns is counted in the block of the first, the other order of it at the end; the
// pairs inside of a block are there in both orders.
void CodeSums::compute(const RowObjective &objective) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (uint32_t block = 0; block < objective.blocks(); ++block) {
        const uint32_t begin = block * kWidth, end = std::min(cols, begin + kWidth);
        const float *values = objective.moment(block);
        std::fill(by_code.begin(), by_code.end(), 0.0f);
        for (uint32_t row = 0; row < rows; ++row) add_rows(row, values, begin, end);
        for (float &sum : by_code) sum /= 2;
        for (uint32_t first = end; first < cols; first += kPanel)
            for (uint32_t row = 0; row < rows; ++row)
                add_rows(row, values, first, std::min(cols, first + kPanel));
        for (uint32_t row = 0; row < rows; ++row) add_block(row, begin);
    }
    for (uint32_t row = 0; row < rows; ++row)
        for (uint32_t k = 0; k < entries; ++k)
            for (uint32_t l = 0; l <= k; ++l) {
                double &one = of_row(row)[k * entries + l], &other = of_row(row)[l * entries + k];
                one = other = one + other;
            }
}

void CodeSums::add_rows(uint32_t row, const float *block, uint32_t first, uint32_t last) {
    add_by_code(block + size_t{first} * kWidth, codes.data() + size_t{row} * cols + first,
                last - first, by_code.data() + size_t{row} * (entries + 1) * kWidth);
}

void CodeSums::add_block(uint32_t row, uint32_t begin) {
    const uint8_t *code = codes.data() + size_t{row} * cols + begin;
    const float *from = by_code.data() + size_t{row} * (entries + 1) * kWidth;
    for (uint32_t i = 0; i < std::min(kWidth, cols - begin); ++i) {
        if (code[i] == entries) continue;
        double *to = of_row(row) + code[i] * entries;
        for (uint32_t l = 0; l < entries; ++l) to[l] += static_cast<double>(from[l * kWidth + i]);
    }
}

}  // namespace densq::tool
