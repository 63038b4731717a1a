/* SPDX-License-Identifier: MIT
 * half.h - conversions of fp16 and bf16 to float and back, in plain C.
 *
 * A half is given as its 16 bits.  Conversions to float are exact; NaN stays NaN.  Conversions from
 * float round to nearest, ties to even; what is too large becomes infinity; NaN becomes a quiet
 * NaN. */
#ifndef DENSQ_HALF_H
#define DENSQ_HALF_H

#include <stdint.h>
#include <string.h>

static inline float densq_float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t densq_bits_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* This has no branches, so that compilers can vectorize loops of it. */
static inline float densq_f16_to_f32(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t magnitude = half & 0x7FFFu;
    const float small = (float)(int32_t)magnitude * densq_float_from_bits(0x33800000u);
    const uint32_t subnormal = densq_bits_from_float(small);     /* or zero: magnitude * 2^-24 */
    const uint32_t normal = (magnitude << 13) + 0x38000000u;     /* exponent rebiased by 127 - 15 */
    const uint32_t not_finite = (magnitude << 13) + 0x70000000u; /* exponent widened */
    const uint32_t finite = magnitude < 0x0400u ? subnormal : normal;
    return densq_float_from_bits(sign | (magnitude < 0x7C00u ? finite : not_finite));
}

static inline uint16_t densq_f32_to_f16(float value) {
    const uint32_t bits = densq_bits_from_float(value);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    uint32_t half;
    if (magnitude > 0x7F800000u) {
        half = 0x7E00u;
    } else if (magnitude >= 0x477FF000u) { /* at least 65520, which rounds to infinity */
        half = 0x7C00u;
    } else if (magnitude >= 0x38800000u) { /* at least 2^-14: normal */
        half = (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1)) >> 13;
    } else { /* adding 0.5 moves the 10 subnormal bits to the end of the mantissa, rounded */
        const float sum = densq_float_from_bits(magnitude) + 0.5f;
        half = densq_bits_from_float(sum) - 0x3F000000u;
    }
    return (uint16_t)(sign | half);
}

static inline float densq_bf16_to_f32(uint16_t half) {
    return densq_float_from_bits((uint32_t)half << 16);
}

static inline uint16_t densq_f32_to_bf16(float value) {
    const uint32_t bits = densq_bits_from_float(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

#endif /* DENSQ_HALF_H */
