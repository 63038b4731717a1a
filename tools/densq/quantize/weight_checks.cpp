// SPDX-License-Identifier: MIT
#include "weight_checks.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "densq/densq.h"
#include "parallel.hpp"
#include "quantization_method.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

constexpr uint64_t kChunk = 1 << 18;  // elements that a thread checks at a time

// Calls visit(first, values) for chunks of a tensor, from several threads.  Returns a checksum of
// the tensor's values, the same for any number of threads.
template <typename Visit>
uint32_t for_each_chunk(const Checkpoint::Entry &entry, uint32_t threads, Visit visit) {
    const uint64_t elements = entry.tensor->elements();
    std::vector<uint32_t> checksums((elements + kChunk - 1) / kChunk);
    for_each_index(static_cast<uint32_t>(checksums.size()), threads, [&](uint32_t chunk) {
        const uint64_t begin = chunk * kChunk, end = std::min(elements, begin + kChunk);
        std::vector<float> values(end - begin);
        entry.read(begin, end, values.data());
        visit(begin, values);
        checksums[chunk] = densq_crc32c(0, values.data(), values.size() * sizeof values[0]);
    });
    return densq_crc32c(0, checksums.data(), checksums.size() * sizeof checksums[0]);
}

// Where the diagonals of triangles lie, one triangle after the other.
struct DiagonalElement {
    // The first one at `begin` or later.
    DiagonalElement(uint64_t cols_, uint64_t begin)
        : cols(cols_), slice(begin / triangle_elements(cols)) {
        while (element() < begin) advance();
    }

    uint64_t element() const { return slice * triangle_elements(cols) + triangle_row(cols, row); }
    void advance() {
        if (++row < cols) return;
        row = 0;
        ++slice;
    }

    uint64_t cols, slice, row = 0;
};

[[noreturn]] void refuse(const std::string &name, const Checkpoint::Entry &entry, uint64_t element,
                         float value, const char *why) {
    throw DataError(entry.describe(name) + ", element " + std::to_string(element) + ": " +
                    std::to_string(value) + why);
}

}  // namespace

uint32_t check_weights(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads) {
    return for_each_chunk(entry, threads, [&](uint64_t first, const std::vector<float> &weights) {
        for (uint64_t i = 0; i < weights.size(); ++i)
            if (!(std::abs(weights[i]) <= kLargestWeight))
                refuse(name, entry, first + i, weights[i], " is not finite or beyond fp16's 65504");
    });
}

uint32_t check_plain(const Checkpoint::Entry &entry, uint32_t threads, bool *any_nan) {
    std::atomic<bool> found = false;
    const auto look = [&](uint64_t, const std::vector<float> &values) {
        for (const float value : values)
            if (std::isnan(value)) found = true;
    };
    const uint32_t checksum = for_each_chunk(entry, threads, look);
    *any_nan = found;
    return checksum;
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

uint32_t check_gradients(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads,
                         bool *any_above_zero) {
    std::atomic<bool> above_zero = false;
    const auto check = [&](uint64_t first, const std::vector<float> &gradients) {
        float largest = 0;
        for (uint64_t i = 0; i < gradients.size(); ++i) {
            if (!(gradients[i] >= 0) || std::isinf(gradients[i]))
                refuse(name, entry, first + i, gradients[i],
                       " is negative or not finite; this tensor looks like weights, not squared "
                       "gradients");
            largest = std::max(largest, gradients[i]);
        }
        if (largest > 0) above_zero = true;
    };
    const uint32_t checksum = for_each_chunk(entry, threads, check);
    *any_above_zero = above_zero;
    return checksum;
}

void require_moments(const std::string &name, const Checkpoint::Entry &entry, uint64_t cols,
                     uint64_t slices) {
    const SafeTensor &tensor = *entry.tensor;
    if (!is_float(tensor))
        throw DataError(entry.describe(name) + ": dtype " + tensor.dtype + " is none of " +
                        float_dtypes());
    SafeTensor expected = tensor;
    expected.shape = {triangle_elements(cols)};
    if (slices) expected.shape.insert(expected.shape.begin(), slices);
    if (tensor.shape != expected.shape)
        throw DataError(entry.describe(name) + ": shape " + tensor.shape_text() +
                        ", the second moments of " + std::to_string(cols) + " inputs have " +
                        expected.shape_text());
}

uint32_t check_moments(const std::string &name, const Checkpoint::Entry &entry, uint64_t cols,
                       uint32_t threads, std::vector<uint8_t> *any_above_zero) {
    const uint64_t triangle = triangle_elements(cols);
    any_above_zero->assign(entry.tensor->elements() / triangle, 0);
    std::vector<std::atomic<bool>> above_zero(any_above_zero->size());
    const auto check = [&](uint64_t first, const std::vector<float> &moments) {
        DiagonalElement next(cols, first);
        for (uint64_t i = 0; i < moments.size(); ++i) {
            const bool on_diagonal = first + i == next.element();
            if (!std::isfinite(moments[i]) || (on_diagonal && moments[i] < 0))
                refuse(name, entry, first + i, moments[i],
                       on_diagonal ? " on the diagonal of second moments is negative or not finite"
                                   : " is not finite");
            if (!on_diagonal) continue;
            if (moments[i] > 0) above_zero[next.slice] = true;
            next.advance();
        }
    };
    const uint32_t checksum = for_each_chunk(entry, threads, check);
    for (size_t i = 0; i < above_zero.size(); ++i) (*any_above_zero)[i] = above_zero[i];
    return checksum;
}

}  // namespace densq::tool
