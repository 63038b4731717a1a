// SPDX-License-Identifier: MIT
#include "dtype.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "densq/half.h"

namespace densq::tool {
namespace {

// OCP's E4M3: bias 7, no infinities, NaN where all bits but the sign are set.
float e4m3_value(uint32_t byte) {
    const uint32_t exponent = byte >> 3 & 15, mantissa = byte & 7;
    const float magnitude =
        (byte & 0x7F) == 0x7F ? std::numeric_limits<float>::quiet_NaN()
        : exponent ? std::ldexp(static_cast<float>(8 + mantissa), static_cast<int>(exponent) - 10)
                   : std::ldexp(static_cast<float>(mantissa), -9);
    return byte & 0x80 ? -magnitude : magnitude;
}

// E5M2 is the upper byte of fp16.
float e5m2_value(uint32_t byte) { return densq_f16_to_f32(static_cast<uint16_t>(byte << 8)); }

// A power of two without a sign.
float e8m0_value(uint32_t byte) {
    return byte == 255 ? std::numeric_limits<float>::quiet_NaN()
                       : std::ldexp(1.0f, static_cast<int>(byte) - 127);
}

template <typename Stored, typename Convert>
void convert_all(const uint8_t *data, uint64_t begin, uint64_t end, float *out, Convert to_float) {
    data += sizeof(Stored) * begin;
    for (uint64_t i = 0; i < end - begin; ++i) {
        Stored stored;
        std::memcpy(&stored, data + sizeof stored * i, sizeof stored);
        out[i] = to_float(stored);
    }
}

template <float (*value)(uint32_t)>
void read_bytes(const uint8_t *data, uint64_t begin, uint64_t end, float *out) {
    static const std::array<float, 256> values = [] {
        std::array<float, 256> table;
        for (uint32_t byte = 0; byte < 256; ++byte) table[byte] = value(byte);
        return table;
    }();
    convert_all<uint8_t>(data, begin, end, out, [](uint8_t byte) { return values[byte]; });
}

void read_f64(const uint8_t *data, uint64_t begin, uint64_t end, float *out) {
    // Beyond the range of F32, the result is infinite.
    static_assert(std::numeric_limits<float>::is_iec559);
    convert_all<double>(data, begin, end, out,
                        [](double stored) { return static_cast<float>(stored); });
}

void read_f32(const uint8_t *data, uint64_t begin, uint64_t end, float *out) {
    std::memcpy(out, data + sizeof(float) * begin, sizeof(float) * (end - begin));
}

void read_f16(const uint8_t *data, uint64_t begin, uint64_t end, float *out) {
    convert_all<uint16_t>(data, begin, end, out,
                          [](uint16_t stored) { return densq_f16_to_f32(stored); });
}

void read_bf16(const uint8_t *data, uint64_t begin, uint64_t end, float *out) {
    convert_all<uint16_t>(data, begin, end, out,
                          [](uint16_t stored) { return densq_bf16_to_f32(stored); });
}

struct Dtype {
    const char *name;
    uint64_t bits;
    bool is_float;  // of weights
    void (*read)(const uint8_t *data, uint64_t begin, uint64_t end, float *out) = nullptr;
};

// As the reference implementation of safetensors has them.
constexpr Dtype kDtypes[] = {
    {"F64", 64, true, read_f64},
    {"F32", 32, true, read_f32},
    {"F16", 16, true, read_f16},
    {"BF16", 16, true, read_bf16},
    {"F8_E4M3", 8, true, read_bytes<e4m3_value>},
    {"F8_E5M2", 8, true, read_bytes<e5m2_value>},
    {"F8_E8M0", 8, false, read_bytes<e8m0_value>},
    {"F8_E4M3FNUZ", 8, false},
    {"F8_E5M2FNUZ", 8, false},
    {"F6_E2M3", 6, false},
    {"F6_E3M2", 6, false},
    {"F4", 4, false},
    {"C64", 64, false},
    {"I64", 64, false},
    {"I32", 32, false},
    {"I16", 16, false},
    {"I8", 8, false},
    {"U64", 64, false},
    {"U32", 32, false},
    {"U16", 16, false},
    {"U8", 8, false},
    {"BOOL", 8, false},
};

const Dtype *find_dtype(const std::string &name) {
    for (const Dtype &dtype : kDtypes)
        if (name == dtype.name) return &dtype;
    return nullptr;
}

}  // namespace

uint64_t dtype_bits(const std::string &dtype) {
    const Dtype *found = find_dtype(dtype);
    return found ? found->bits : 0;
}

bool is_float_dtype(const std::string &dtype) {
    const Dtype *found = find_dtype(dtype);
    return found && found->is_float;
}

std::string float_dtypes() {
    std::string list;
    for (const Dtype &dtype : kDtypes)
        if (dtype.is_float) list += (list.empty() ? "" : ", ") + std::string(dtype.name);
    return list;
}

void read_floats(const std::string &dtype, const uint8_t *data, uint64_t begin, uint64_t end,
                 float *out) {
    const Dtype *found = find_dtype(dtype);
    if (!found || !found->read) throw std::logic_error("dtype " + dtype + " is no float");
    found->read(data, begin, end, out);
}

}  // namespace densq::tool
