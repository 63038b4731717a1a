// SPDX-License-Identifier: MIT
#include "lib/base/dtype.hpp"

#include <string.h>

#include "densq/densq.h"
#include "densq/half.h"

namespace densq {

size_t dtype_bytes(uint32_t dtype) {
    if (dtype == DENSQ_F32) return 4;
    return dtype == DENSQ_F16 || dtype == DENSQ_BF16 ? 2 : 0;
}

const void *element_at(const void *array, uint32_t dtype, size_t index) {
    return static_cast<const uint8_t *>(array) + index * dtype_bytes(dtype);
}

void *element_at(void *array, uint32_t dtype, size_t index) {
    return static_cast<uint8_t *>(array) + index * dtype_bytes(dtype);
}

void read_floats(float *out, const void *array, uint32_t dtype, size_t count) {
    if (dtype == DENSQ_F32) {
        memcpy(out, array, count * sizeof *out);
        return;
    }
    const uint16_t *in = static_cast<const uint16_t *>(array);
    if (dtype == DENSQ_F16)
        for (size_t i = 0; i < count; ++i) out[i] = densq_f16_to_f32(in[i]);
    else
        for (size_t i = 0; i < count; ++i) out[i] = densq_bf16_to_f32(in[i]);
}

void write_floats(void *array, uint32_t dtype, const float *values, size_t count) {
    if (dtype == DENSQ_F32) {
        memcpy(array, values, count * sizeof *values);
        return;
    }
    uint16_t *out = static_cast<uint16_t *>(array);
    if (dtype == DENSQ_F16)
        for (size_t i = 0; i < count; ++i) out[i] = densq_f32_to_f16(values[i]);
    else
        for (size_t i = 0; i < count; ++i) out[i] = densq_f32_to_bf16(values[i]);
}

}  // namespace densq
