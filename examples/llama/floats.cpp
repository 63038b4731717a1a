// SPDX-License-Identifier: MIT
#include "floats.hpp"

#include <cstring>

#include "densq/half.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace llama {
namespace {

void widen_f16(const uint16_t *halves, size_t count, float *out) {
    for (size_t i = 0; i < count; ++i) out[i] = densq_f16_to_f32(halves[i]);
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) void widen_f16c(const uint16_t *halves, size_t count,
                                                    float *out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i *>(halves + i));
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(eight));
    }
    widen_f16(halves + i, count - i, out + i);
}

// Compilers differ in whether __builtin_cpu_supports knows F16C.
bool has_f16c() {
    unsigned eax, ebx, ecx, edx;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
           (ecx & bit_F16C);
}
#endif

}  // namespace

void read_floats(const densq_tensor &tensor, size_t begin, size_t count, float *out) {
    if (tensor.dtype == DENSQ_F32) {
        std::memcpy(out, static_cast<const float *>(tensor.data) + begin, count * sizeof *out);
        return;
    }
    const uint16_t *halves = static_cast<const uint16_t *>(tensor.data) + begin;
    if (tensor.dtype == DENSQ_BF16) {
        for (size_t i = 0; i < count; ++i) out[i] = densq_bf16_to_f32(halves[i]);
        return;
    }
#if defined(__x86_64__)
    static const bool f16c = has_f16c();
    if (f16c) return widen_f16c(halves, count, out);
#endif
    widen_f16(halves, count, out);
}

}  // namespace llama
