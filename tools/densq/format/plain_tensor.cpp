// SPDX-License-Identifier: MIT
#include "plain_tensor.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "densq/half.h"
#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

constexpr uint64_t kChunkElements = 1 << 16;

void require_in_range(const std::string &name, const Checkpoint::Entry &entry, uint64_t element,
                      float value) {
    if (!std::isinf(value)) return;
    double stored;
    std::memcpy(&stored, entry.tensor->data + sizeof stored * element, sizeof stored);
    char text[32];
    std::snprintf(text, sizeof text, "%g", stored);
    if (!std::isinf(stored))
        throw DataError(entry.describe(printable(name)) + ", element " + std::to_string(element) +
                        ": " + text +
                        " is beyond the range of F32, as which a densq file keeps F64");
}

}  // namespace

densq_dtype plain_dtype(const SafeTensor &tensor) {
    const std::string &dtype = tensor.dtype;
    return dtype == "F32" || dtype == "F64" ? DENSQ_F32 : dtype == "F16" ? DENSQ_F16 : DENSQ_BF16;
}

PlainBytes plain_bytes(const std::string &name, const Checkpoint::Entry &entry) {
    const SafeTensor &tensor = *entry.tensor;
    const bool to_f32 = tensor.dtype == "F64";
    if (!to_f32 && dtype_bits(tensor.dtype) != 8) return {tensor.data, tensor.bytes, {}};
    const uint64_t elements = tensor.elements();
    const size_t element_bytes = to_f32 ? sizeof(float) : sizeof(uint16_t);
    std::vector<uint8_t> buffer(element_bytes * elements);
    std::vector<float> values(std::min(elements, kChunkElements));
    for (uint64_t begin = 0; begin < elements; begin += kChunkElements) {
        const uint64_t end = std::min(elements, begin + kChunkElements);
        entry.read(begin, end, values.data());
        for (uint64_t i = begin; i < end; ++i) {
            const float value = values[i - begin];
            if (to_f32) require_in_range(name, entry, i, value);
            const uint16_t rounded = densq_f32_to_bf16(value);
            std::memcpy(&buffer[element_bytes * i],
                        to_f32 ? static_cast<const void *>(&value) : &rounded, element_bytes);
        }
    }
    const uint8_t *data = buffer.data();
    return {data, buffer.size(), std::move(buffer)};
}

}  // namespace densq::tool
