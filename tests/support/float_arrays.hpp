// SPDX-License-Identifier: MIT
// float_arrays.hpp - arrays of a densq_dtype as bytes.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "densq/densq.h"
#include "densq/half.h"

namespace densq::test {

constexpr densq_dtype kDtypes[] = {DENSQ_F32, DENSQ_F16, DENSQ_BF16};

inline size_t bytes_of(uint32_t dtype) { return dtype == DENSQ_F32 ? 4 : 2; }

inline std::vector<uint8_t> as_dtype(const std::vector<float> &values, densq_dtype dtype) {
    std::vector<uint8_t> bytes(values.size() * bytes_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t half =
            dtype == DENSQ_F16 ? densq_f32_to_f16(values[i]) : densq_f32_to_bf16(values[i]);
        const void *from = dtype == DENSQ_F32 ? static_cast<const void *>(&values[i]) : &half;
        std::memcpy(&bytes[i * bytes_of(dtype)], from, bytes_of(dtype));
    }
    return bytes;
}

inline std::vector<float> as_floats(const std::vector<uint8_t> &bytes, densq_dtype dtype) {
    std::vector<float> values(bytes.size() / bytes_of(dtype));
    for (size_t i = 0; i < values.size(); ++i) {
        uint16_t half = 0;
        void *to = dtype == DENSQ_F32 ? static_cast<void *>(&values[i]) : &half;
        std::memcpy(to, &bytes[i * bytes_of(dtype)], bytes_of(dtype));
        if (dtype == DENSQ_F16) values[i] = densq_f16_to_f32(half);
        if (dtype == DENSQ_BF16) values[i] = densq_bf16_to_f32(half);
    }
    return values;
}

}  // namespace densq::test
