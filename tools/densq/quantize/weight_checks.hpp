// SPDX-License-Identifier: MIT
// weight_checks.hpp - what weights and squared gradients must be; DataError if they are not.
#pragma once
#include <cstdint>
#include <string>

#include "tools/densq/format/checkpoint.hpp"

namespace densq::tool {

// Weights must be finite and at most kLargestWeight in magnitude.
void check_weights(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads);

// There must be gradients for a tensor of the model, of its shape.
void require_gradients(const std::string &name, const SafeTensor &weights,
                       const Checkpoint &gradients);

// Squared gradients must be finite and not negative.  Returns whether any is above zero.
bool check_gradients(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads);

}  // namespace densq::tool
