// SPDX-License-Identifier: MIT
// arithmetic.hpp - the bits and floating-point words of kernels/cuda/device_words.hpp in plain C++.
#pragma once
#include <cmath>
#include <cstdint>

#include "densq/half.h"

namespace densq::device {

inline uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
    const uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
    uint32_t result = 0;
    for (uint32_t i = 0; i < 4; ++i) {
        const uint32_t nibble = selector >> 4 * i & 0xF;
        uint32_t byte = bytes >> 8 * (nibble & 7) & 0xFF;
        if (nibble & 8) byte = byte & 0x80 ? 0xFF : 0;
        result |= byte << 8 * i;
    }
    return result;
}

inline uint32_t funnel_shift_right(uint32_t low, uint32_t high, uint32_t n) {
    return static_cast<uint32_t>((static_cast<uint64_t>(high) << 32 | low) >> (n & 31));
}

inline uint32_t high_half(uint32_t u) { return u >> 16; }

inline uint32_t bits_from_float(float x) { return densq_bits_from_float(x); }
inline float float_from_bits(uint32_t u) { return densq_float_from_bits(u); }

inline float fused_multiply_add(float a, float b, float c) { return std::fma(a, b, c); }

inline uint16_t half_from_float(float x) {
    constexpr uint16_t kNan = 0x7FFF;
    return std::isnan(x) ? kNan : densq_f32_to_f16(x);
}

inline float float_from_half(uint16_t half) { return densq_f16_to_f32(half); }
inline uint16_t bf16_from_float(float x) { return densq_f32_to_bf16(x); }
inline float float_from_bf16(uint16_t half) { return densq_bf16_to_f32(half); }

// product + c with one rounding; the product of two halves is exact in double.  The exact sum is
// rounded to odd first: its last bit, set if anything was lost, keeps the second rounding from
// seeing a tie where there is none.
inline uint16_t half_sum(double product, double c) {
    const double sum = product + c;
    if (!std::isfinite(sum)) return half_from_float(static_cast<float>(sum));
    const double c_part = sum - product;
    const double lost = (product - (sum - c_part)) + (c - c_part);  // exactly
    const float nearest = static_cast<float>(sum);
    const double beyond = sum - static_cast<double>(nearest);
    const double error = beyond != 0 ? beyond : lost;
    if (error == 0) return half_from_float(nearest);
    uint32_t bits = bits_from_float(nearest);
    if ((error < 0) != std::signbit(nearest)) --bits;  // towards zero
    return half_from_float(float_from_bits(bits | 1));
}

inline uint32_t half2_from_halves(uint16_t low, uint16_t high) {
    return low | static_cast<uint32_t>(high) << 16;
}

inline uint32_t half2_broadcast(uint16_t half) { return half2_from_halves(half, half); }

inline uint32_t half2_from_floats(float low, float high) {
    return half2_from_halves(half_from_float(low), half_from_float(high));
}

inline float float_from_low_half(uint32_t halves) {
    return float_from_half(static_cast<uint16_t>(halves));
}

inline float float_from_high_half(uint32_t halves) {
    return float_from_half(static_cast<uint16_t>(halves >> 16));
}

inline uint32_t half2_fused_multiply_add(uint32_t a, uint32_t b, uint32_t c) {
    const auto low = [](uint32_t halves) -> double { return float_from_low_half(halves); };
    const auto high = [](uint32_t halves) -> double { return float_from_high_half(halves); };
    return half2_from_halves(half_sum(low(a) * low(b), low(c)),
                             half_sum(high(a) * high(b), high(c)));
}

inline uint32_t half2_add(uint32_t a, uint32_t b) {
    constexpr uint32_t kOnes = 0x3C003C00;
    return half2_fused_multiply_add(a, kOnes, b);
}

inline uint32_t half2_multiply(uint32_t a, uint32_t b) {
    constexpr uint32_t kMinusZeros = 0x80008000;  // whose addition changes no sign
    return half2_fused_multiply_add(a, b, kMinusZeros);
}

}  // namespace densq::device
