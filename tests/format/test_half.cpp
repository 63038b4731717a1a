// SPDX-License-Identifier: MIT
// test_half.cpp - half.h against numpy (half_crc.hpp), and its roundings by definition.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "densq/half.h"
#include "half_crc.hpp"
#include "lib/file/crc32c.hpp"

using namespace densq;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
uint32_t crc_of(const std::vector<T> &values) {
    return crc32c_software(0, values.data(), values.size() * sizeof(T));
}

}  // namespace

TEST_CASE("the floats of all halves are numpy's") {
    std::vector<uint32_t> floats;
    for (uint32_t half = 0; half < 65536; ++half) {
        const float value = densq_f16_to_f32(static_cast<uint16_t>(half));
        floats.push_back(std::isnan(value) ? 0x7FC00000 : densq_bits_from_float(value));
    }
    CHECK(crc_of(floats) == test::kFloatsOfHalvesCrc);
}

TEST_CASE("the halves of floats at and beside every rounding boundary are numpy's") {
    std::vector<uint16_t> halves;
    for (uint32_t half = 0; half < 0x7C00; ++half) {
        const float value = densq_f16_to_f32(static_cast<uint16_t>(half));
        const float next =
            half == 0x7BFF ? 65536.0f : densq_f16_to_f32(static_cast<uint16_t>(half + 1));
        const float middle = (value + next) / 2;
        for (const float sign : {1.0f, -1.0f})
            for (const float f :
                 {value, std::nextafter(middle, 0.0f), middle, std::nextafter(middle, kInfinity)})
                halves.push_back(densq_f32_to_f16(sign * f));
    }
    CHECK(crc_of(halves) == test::kHalvesOfFloatsCrc);
}

TEST_CASE("every half comes back from its float, NaN as NaN") {
    size_t wrong = 0;
    for (uint32_t half = 0; half < 65536; ++half) {
        const float value = densq_f16_to_f32(static_cast<uint16_t>(half));
        const uint16_t back = densq_f32_to_f16(value);
        const bool nan = (half & 0x7FFF) > 0x7C00;
        wrong += nan ? !std::isnan(value) || !std::isnan(densq_f16_to_f32(back)) : back != half;
    }
    CHECK(wrong == 0);
}

TEST_CASE("halves of what no half is near") {
    CHECK(densq_f32_to_f16(kInfinity) == 0x7C00);
    CHECK(densq_f32_to_f16(-std::numeric_limits<float>::max()) == 0xFC00);
    CHECK(densq_f32_to_f16(std::numeric_limits<float>::min()) == 0);
    CHECK(densq_f32_to_f16(-std::numeric_limits<float>::denorm_min()) == 0x8000);
    CHECK(densq_f32_to_f16(densq_float_from_bits(0x7F800001)) == 0x7E00);  // NaN becomes quiet
    CHECK(densq_f32_to_f16(densq_float_from_bits(0xFFC12345)) == 0xFE00);
}

TEST_CASE("bf16: every value comes back, NaN as NaN; rounding to nearest, ties to even") {
    size_t wrong = 0;
    for (uint32_t half = 0; half < 65536; ++half) {
        const float value = densq_bf16_to_f32(static_cast<uint16_t>(half));
        const uint16_t back = densq_f32_to_bf16(value);
        if (std::isnan(value)) {
            wrong += !std::isnan(densq_bf16_to_f32(back));
            continue;
        }
        wrong += back != half;
        if (std::isinf(value)) continue;
        const uint32_t bits = half << 16, even = half + (half & 1);
        wrong += densq_f32_to_bf16(densq_float_from_bits(bits | 0x7FFF)) != half;
        wrong += densq_f32_to_bf16(densq_float_from_bits(bits | 0x8000)) != even;
        wrong += densq_f32_to_bf16(densq_float_from_bits(bits | 0x8001)) != half + 1;
    }
    CHECK(wrong == 0);
    CHECK(densq_f32_to_bf16(densq_float_from_bits(0x7F800001)) == 0x7FC0);
}
