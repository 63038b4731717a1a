// SPDX-License-Identifier: MIT
// weight_checks.hpp - what weights and squared gradients must be; DataError if they are not.  Each
// check reads a whole tensor and returns a checksum of its values.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tools/densq/format/checkpoint.hpp"

namespace densq::tool {

// Weights to be quantized must be finite and at most kLargestWeight in magnitude.
uint32_t check_weights(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads);

// Plain tensors may have any values.  Sets whether one is a NaN.
uint32_t check_plain(const Checkpoint::Entry &entry, uint32_t threads, bool *any_nan);

// There must be gradients for a tensor of the model, of its shape.
void require_gradients(const std::string &name, const SafeTensor &weights,
                       const Checkpoint &gradients);

// Squared gradients must be finite and not negative.  Sets whether any is above zero.
uint32_t check_gradients(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads,
                         bool *any_above_zero);

// The upper triangle of a symmetric matrix [cols, cols], row after row.
inline uint64_t triangle_elements(uint64_t cols) { return cols * (cols + 1) / 2; }
// Where its row i begins, with the element (i, i).
inline uint64_t triangle_row(uint64_t cols, uint64_t i) { return i * cols - i * (i - 1) / 2; }

// Second moments must be floats: the triangle of [cols, cols], or one for each of `slices`, if it
// is not 0.
void require_moments(const std::string &name, const Checkpoint::Entry &entry, uint64_t cols,
                     uint64_t slices);

// They must be finite, with a diagonal that is not negative.  Sets for each slice whether its
// diagonal says anything.
uint32_t check_moments(const std::string &name, const Checkpoint::Entry &entry, uint64_t cols,
                       uint32_t threads, std::vector<uint8_t> *any_above_zero);

}  // namespace densq::tool
