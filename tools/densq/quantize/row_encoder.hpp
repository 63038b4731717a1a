// SPDX-License-Identifier: MIT
// row_encoder.hpp - from a row's weights and centroids to its table, codes and sparse values.
#pragma once
#include <cstdint>
#include <vector>

#include "densq/format.h"
#include "quantization_method.hpp"

namespace densq::tool {

// Makes a matrix without nonzeros whose tables and codes are all 0.
QuantizedMatrix make_sections(uint32_t rows, uint32_t cols, uint32_t bits);

// Rows of one tile share bytes, so that only one thread at a time may encode them.
class RowEncoder {
public:
    // Encodes rows of a matrix whose row_ptr and col are complete.
    explicit RowEncoder(QuantizedMatrix *out_)
        : out(out_), entries(1u << out->bits), codes(out->cols) {}

    // `centroids`: 1 to 2^bits of them, ascending.  The last one is repeated to fill the table.
    RowError encode(uint32_t row, const float *weights, const std::vector<double> &centroids);

    // The same with codes that are chosen already.  `fitted`: what is to be decoded; sparse values
    // make up for what the centroids lack.
    RowError encode_chosen(uint32_t row, const float *fitted, const uint8_t *codes,
                           const std::vector<double> &centroids);

private:
    void set_table(uint32_t row, const std::vector<double> &centroids);
    void choose_codes(const float *weights);
    RowError finish(uint32_t row, const float *weights);
    uint16_t choose_sparse(float weight, uint8_t *code) const;
    void store_codes(uint32_t row);
    RowError measure(uint32_t row, const float *weights) const;

    QuantizedMatrix *out;
    uint32_t entries;
    float table[1u << DENSQ_MAX_BITS] = {};
    double rounding[1u << DENSQ_MAX_BITS] = {};  // of the entries: how far from their centroids
    std::vector<uint8_t> codes;                  // of the row
};

}  // namespace densq::tool
