// SPDX-License-Identifier: MIT
#include "weight_checks.hpp"

#include <atomic>
#include <cmath>

#include "parallel.hpp"
#include "quantization_method.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

// Calls visit(row, values) for every row of a matrix, from several threads.
template <typename Visit>
void for_each_row(const Checkpoint::Entry &entry, uint32_t threads, Visit visit) {
    const auto rows = static_cast<uint32_t>(entry.tensor->shape[0]);
    for_each_index(rows, threads, [&](uint32_t row) {
        std::vector<float> values(entry.tensor->shape[1]);
        entry.read_row(row, values.data());
        visit(row, values);
    });
}

[[noreturn]] void refuse(const std::string &name, const Checkpoint::Entry &entry, uint32_t row,
                         uint64_t col, float value, const std::string &why) {
    const uint64_t element = row * entry.tensor->shape[1] + col;
    throw DataError(entry.describe(name) + ", element " + std::to_string(element) + ": " +
                    std::to_string(value) + why);
}

}  // namespace

void check_weights(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads) {
    for_each_row(entry, threads, [&](uint32_t row, const std::vector<float> &weights) {
        for (uint64_t col = 0; col < weights.size(); ++col)
            if (!(std::abs(weights[col]) <= kLargestWeight))
                refuse(name, entry, row, col, weights[col],
                       " is not finite or beyond fp16's 65504");
    });
}

void require_gradients(const std::string &name, const SafeTensor &weights,
                       const Checkpoint &gradients) {
    const auto found = gradients.tensors.find(name);
    if (found == gradients.tensors.end())
        throw DataError(gradients.inputs[0].string() + ": has no tensor '" + name +
                        "'; give gradients of the same model, or --unweighted");
    const SafeTensor &tensor = *found->second.tensor;
    if (!is_float(tensor))
        throw DataError(found->second.describe(name) + ": dtype " + tensor.dtype + " is none of " +
                        float_dtypes());
    if (tensor.shape != weights.shape)
        throw DataError(found->second.describe(name) + ": shape " + tensor.shape_text() +
                        ", the model's is " + weights.shape_text());
}

bool check_gradients(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads) {
    std::atomic<bool> any_above_zero = false;
    for_each_row(entry, threads, [&](uint32_t row, const std::vector<float> &gradients) {
        float largest = 0;
        for (uint64_t col = 0; col < gradients.size(); ++col) {
            const float gradient = gradients[col];
            if (!(gradient >= 0) || std::isinf(gradient))
                refuse(name, entry, row, col, gradient,
                       " is negative or not finite; this tensor looks like weights, not squared "
                       "gradients");
            largest = std::max(largest, gradient);
        }
        if (largest > 0) any_above_zero = true;
    });
    return any_above_zero;
}

}  // namespace densq::tool
