// SPDX-License-Identifier: MIT
// weight_checks.hpp - what weights and squared gradients must be; DataError if they are not.  Each
// check reads a whole tensor and returns a checksum of its values.
#pragma once
#include <cstdint>
#include <string>

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

}  // namespace densq::tool
