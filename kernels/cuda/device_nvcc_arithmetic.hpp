// SPDX-License-Identifier: MIT
// device_nvcc_arithmetic.hpp - bits, halves and matrix products of device_words.hpp as CUDA
// instructions.
//
// Written as PTX with the rounding spelled out, which the compiler never contracts.
#pragma once

namespace densq::device {

// Not __byte_perm, which is not documented to pass the sign-replicating bit on.
DENSQ_DEVICE uint32_t byte_permute(uint32_t low, uint32_t high, uint32_t selector) {
    uint32_t bytes;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(bytes) : "r"(low), "r"(high), "r"(selector));
    return bytes;
}

DENSQ_DEVICE uint32_t funnel_shift_right(uint32_t low, uint32_t high, uint32_t n) {
    return __funnelshift_r(low, high, n);
}

// The dot product of the halves with (0, 1).
DENSQ_DEVICE uint32_t high_half(uint32_t u) {
    uint32_t half;
    asm("dp2a.lo.u32.u32 %0, %1, %2, %3;" : "=r"(half) : "r"(u), "r"(0x0100), "r"(0));
    return half;
}

DENSQ_DEVICE uint32_t bits_from_float(float x) { return __float_as_uint(x); }
DENSQ_DEVICE float float_from_bits(uint32_t u) { return __uint_as_float(u); }

DENSQ_DEVICE float fused_multiply_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }

DENSQ_DEVICE uint16_t half_from_float(float x) {
    uint16_t half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(x));
    return half;
}

DENSQ_DEVICE float float_from_half(uint16_t half) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(half));
    return x;
}

// In integers, as not all targets have the instruction; NaN stays a NaN.
DENSQ_DEVICE uint16_t bf16_from_float(float x) {
    const uint32_t bits = bits_from_float(x);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
    return static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

DENSQ_DEVICE float float_from_bf16(uint16_t half) {
    return float_from_bits(static_cast<uint32_t>(half) << 16);
}

DENSQ_DEVICE uint32_t half2_from_halves(uint16_t low, uint16_t high) {
    return low | static_cast<uint32_t>(high) << 16;
}

DENSQ_DEVICE uint32_t half2_broadcast(uint16_t half) { return half2_from_halves(half, half); }

DENSQ_DEVICE uint32_t half2_from_floats(float low, float high) {
#if DENSQ_SM75
    return half2_from_halves(half_from_float(low), half_from_float(high));
#else
    uint32_t halves;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(halves) : "f"(high), "f"(low));
    return halves;
#endif
}

DENSQ_DEVICE float float_from_low_half(uint32_t halves) {
    return float_from_half(static_cast<uint16_t>(halves));
}

DENSQ_DEVICE float float_from_high_half(uint32_t halves) {
    return float_from_half(static_cast<uint16_t>(halves >> 16));
}

DENSQ_DEVICE uint32_t half2_add(uint32_t a, uint32_t b) {
    uint32_t sums;
    asm("add.rn.f16x2 %0, %1, %2;" : "=r"(sums) : "r"(a), "r"(b));
    return sums;
}

DENSQ_DEVICE uint32_t half2_multiply(uint32_t a, uint32_t b) {
    uint32_t products;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(products) : "r"(a), "r"(b));
    return products;
}

DENSQ_DEVICE uint32_t half2_fused_multiply_add(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t sums;
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(sums) : "r"(a), "r"(b), "r"(c));
    return sums;
}

#if DENSQ_SM75
DENSQ_DEVICE void mma_m16n8k8(float (&sum)[4], uint32_t a0, uint32_t a1, uint32_t b) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
        "{%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a0), "r"(a1), "r"(b));
}
#endif

DENSQ_DEVICE void mma_m16n8k16(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if DENSQ_SM75
    mma_m16n8k8(sum, a[0], a[1], b[0]);
    mma_m16n8k8(sum, a[2], a[3], b[1]);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

}  // namespace densq::device
