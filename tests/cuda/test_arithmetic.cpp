// SPDX-License-Identifier: MIT
// test_arithmetic.cpp - the emulator's bits and halves against their definitions.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/cuda/device_words.hpp"

using namespace densq::device;

namespace {

__extension__ using Int128 = __int128;

// A finite half as a multiple of 2^-24.
Int128 fixed(uint16_t half) {
    const int exponent = half >> 10 & 31, mantissa = half & 1023;
    const Int128 magnitude = exponent ? static_cast<Int128>(1024 + mantissa) << (exponent - 1)
                                      : static_cast<Int128>(mantissa);
    return half & 0x8000 ? -magnitude : magnitude;
}

// The half nearest to value * 2^-48, ties to even; value is not 0.
uint16_t nearest_half(Int128 value) {
    const int sign = value < 0 ? 0x8000 : 0;
    const Int128 magnitude = value < 0 ? -value : value;
    int top = 0;
    while (magnitude >> top > 1) ++top;
    const int drop = std::max(top - 10, 24);  // bits below the mantissa's; 2^-24 is the last
    Int128 mantissa = magnitude >> drop;
    const Int128 rest = magnitude - (mantissa << drop), half = static_cast<Int128>(1) << (drop - 1);
    if (rest > half || (rest == half && (mantissa & 1))) ++mantissa;
    // The mantissa's leading bit counts as one of the exponent.
    const Int128 bits = (static_cast<Int128>(drop - 24) << 10) + mantissa;
    return static_cast<uint16_t>(sign | static_cast<int>(std::min<Int128>(bits, 0x7C00)));
}

bool is_finite(uint16_t half) { return (half & 0x7C00) != 0x7C00; }
bool is_nan(uint16_t half) { return (half & 0x7FFF) > 0x7C00; }

// What IEEE 754 says of a * b + c.
uint16_t expected_fma(uint16_t a, uint16_t b, uint16_t c) {
    if (is_finite(a) && is_finite(b) && is_finite(c)) {
        const Int128 sum = fixed(a) * fixed(b) + (fixed(c) << 24);
        if (sum != 0) return nearest_half(sum);
    }
    // Infinities, NaN and signs of zero are alike in all formats.
    const float sum = std::fma(float_from_half(a), float_from_half(b), float_from_half(c));
    if (std::isnan(sum)) return 0x7FFF;
    return static_cast<uint16_t>((std::signbit(sum) ? 0x8000 : 0) | (std::isinf(sum) ? 0x7C00 : 0));
}

void check_fma(uint16_t a, uint16_t b, uint16_t c) {
    const uint32_t result = half2_fused_multiply_add(half2_from_halves(a, b),
                                                     half2_from_halves(b, a), half2_broadcast(c));
    const uint16_t expected = expected_fma(a, b, c);
    CAPTURE(a);
    CAPTURE(b);
    CAPTURE(c);
    REQUIRE(result == half2_broadcast(expected));
}

const std::vector<uint16_t> kSpecial = {0x0000, 0x0001, 0x0002, 0x03FF, 0x0400, 0x0401,
                                        0x3BFF, 0x3C00, 0x3C01, 0x4000, 0x6400, 0x7BFF,
                                        0x7C00, 0x7E00, 0x7D01, 0x1400, 0x13FF, 0x2C00};

}  // namespace

TEST_CASE("byte_permute picks bytes, or replicates their signs") {
    std::mt19937 random(1);
    for (int round = 0; round < 1000; ++round) {
        const uint32_t words[2] = {static_cast<uint32_t>(random()),
                                   static_cast<uint32_t>(random())};
        const uint32_t selector = static_cast<uint32_t>(random());
        for (int i = 0; i < 4; ++i) {
            const uint32_t nibble = selector >> 4 * i & 15;
            const auto byte = static_cast<int8_t>(words[nibble / 4 % 2] >> 8 * (nibble % 4) & 255);
            const uint8_t expected = static_cast<uint8_t>(nibble < 8 ? byte : byte < 0 ? -1 : 0);
            const uint32_t result = byte_permute(words[0], words[1], selector);
            REQUIRE((result >> 8 * i & 255) == expected);
        }
    }
    CHECK(byte_permute(0x33221100, 0x77665544, 0x7531) == 0x77553311);
    CHECK(byte_permute(0x80FF7F00, 0x00000000, 0xBA98) == 0xFFFF0000);
}

TEST_CASE("high_half") { CHECK(high_half(0x89ABCDEF) == 0x89AB); }

TEST_CASE("funnel_shift_right") {
    CHECK(funnel_shift_right(0x89ABCDEF, 0x01234567, 0) == 0x89ABCDEF);
    CHECK(funnel_shift_right(0x89ABCDEF, 0x01234567, 8) == 0x6789ABCD);
    CHECK(funnel_shift_right(0x89ABCDEF, 0x01234567, 33) == 0xC4D5E6F7);
}

TEST_CASE("half2_fused_multiply_add rounds once") {
    SUBCASE("special values") {
        std::vector<uint16_t> values = kSpecial;
        for (const uint16_t value : kSpecial) values.push_back(value | 0x8000);
        for (const uint16_t a : values)
            for (const uint16_t b : values)
                for (const uint16_t c : values) check_fma(a, b, c);
    }
    SUBCASE("any values") {
        std::mt19937 random(2);
        for (int round = 0; round < 300000; ++round)
            check_fma(static_cast<uint16_t>(random()), static_cast<uint16_t>(random()),
                      static_cast<uint16_t>(random()));
    }
    SUBCASE("the product alone decides a tie of the sum") {
        // 2^-24 is below half a unit of 2048; a double sum holds it, a float sum does not.
        check_fma(0x0001, 0x3C00, 0x6801);
        check_fma(0x8001, 0x0001, 0x7801);
        check_fma(0x3C01, 0x3C01, 0xBC02);
    }
}

TEST_CASE("half2_add and half2_multiply round once") {
    std::mt19937 random(3);
    for (int round = 0; round < 100000; ++round) {
        const auto a = static_cast<uint16_t>(random()), b = static_cast<uint16_t>(random());
        REQUIRE(half2_add(a, b) == expected_fma(a, 0x3C00, b));
        const uint16_t product = expected_fma(a, b, 0x8000);
        REQUIRE(half2_multiply(half2_broadcast(a), half2_broadcast(b)) == half2_broadcast(product));
    }
}

TEST_CASE("conversions") {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<uint16_t>(bits);
        REQUIRE(half_from_float(float_from_half(half)) == (is_nan(half) ? 0x7FFF : half));
        if (is_finite(half) && half & 0x7FFF)
            REQUIRE(std::ldexp(float_from_half(half), 24) == static_cast<float>(fixed(half)));
        const uint32_t pair = half2_from_halves(half, 0x3C00);
        REQUIRE((float_from_high_half(pair) == 1 && bits_from_float(float_from_low_half(pair)) ==
                                                        bits_from_float(float_from_half(half))));
    }
    CHECK(half2_from_floats(1.0f, -2.0f) == 0xC0003C00);
    CHECK(half_from_float(65519.996f) == 0x7BFF);
    CHECK(half_from_float(65520.0f) == 0x7C00);
    CHECK(bf16_from_float(1.00390625f) == 0x3F80);  // ties to even
    CHECK(bf16_from_float(1.01171875f) == 0x3F82);
    CHECK(float_from_bf16(0xC000) == -2.0f);
    CHECK(std::isnan(float_from_bf16(bf16_from_float(float_from_bits(0x7F800001)))));
    CHECK(float_from_bits(bits_from_float(0.1f)) == 0.1f);
}

TEST_CASE("fused_multiply_add rounds once") {
    const float a = 1 + 0x1p-23f;
    CHECK(fused_multiply_add(a, a, -(1 + 0x1p-22f)) == 0x1p-46f);
}
