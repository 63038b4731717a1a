// SPDX-License-Identifier: MIT
// supplement.hpp - intrinsics that kernels/x86 use and SIMDe 0.7.4 lacks or names with other
// parameters.  Each does what Intel's manual says of its name.
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

namespace densq_emulated {

// The halves of 64 bytes.
struct Halves {
    __m256i part[2];
};

template <class Vector>
inline Halves halves(const Vector &v) {
    static_assert(sizeof v == sizeof(Halves));
    Halves h;
    memcpy(&h, &v, sizeof h);
    return h;
}

template <class Vector>
inline Vector joined(__m256i low, __m256i high) {
    const Halves h = {{low, high}};
    Vector v;
    memcpy(&v, &h, sizeof v);
    return v;
}

inline __m512 cvtph_ps(__m256i encoded) {
    return joined<__m512>(
        _mm256_castps_si256(_mm256_cvtph_ps(_mm256_castsi256_si128(encoded))),
        _mm256_castps_si256(_mm256_cvtph_ps(_mm256_extracti128_si256(encoded, 1))));
}

inline __m512 cvtepi32_ps(__m512i v) {
    const Halves h = halves(v);
    return joined<__m512>(_mm256_castps_si256(_mm256_cvtepi32_ps(h.part[0])),
                          _mm256_castps_si256(_mm256_cvtepi32_ps(h.part[1])));
}

inline __m512i cvtps_epi32(__m512 v) {
    const Halves h = halves(v);
    return joined<__m512i>(_mm256_cvtps_epi32(_mm256_castsi256_ps(h.part[0])),
                           _mm256_cvtps_epi32(_mm256_castsi256_ps(h.part[1])));
}

inline __m256 extractf32x8_ps(__m512 v, int half) {
    return _mm256_castsi256_ps(halves(v).part[half]);
}

// Of each operand two quarters, chosen by two bits each of `order`.
inline __m512 shuffle_f32x4(__m512 a, __m512 b, unsigned order) {
    char from[2][64], to[64];
    memcpy(from[0], &a, 64);
    memcpy(from[1], &b, 64);
    for (unsigned i = 0; i < 4; ++i)
        memcpy(to + 16 * i, from[i / 2] + 16 * (order >> 2 * i & 3), 16);
    __m512 v;
    memcpy(&v, to, 64);
    return v;
}

inline __m512i ternarylogic(__m512i a, __m512i b, __m512i c, unsigned outputs) {
    __m256i part[2];
    for (int half = 0; half < 2; ++half) {
        const __m256i in[3] = {halves(a).part[half], halves(b).part[half], halves(c).part[half]};
        part[half] = _mm256_setzero_si256();
        for (unsigned inputs = 0; inputs < 8; ++inputs) {
            if (!(outputs >> inputs & 1)) continue;
            __m256i all = _mm256_set1_epi8(-1);
            for (unsigned i = 0; i < 3; ++i)
                all = inputs >> (2 - i) & 1 ? _mm256_and_si256(in[i], all)
                                            : _mm256_andnot_si256(in[i], all);
            part[half] = _mm256_or_si256(part[half], all);
        }
    }
    return joined<__m512i>(part[0], part[1]);
}

inline uint32_t reduce_max_epu32(__m512i v) {
    uint32_t lane[16], most = 0;
    memcpy(lane, &v, sizeof lane);
    for (const uint32_t one : lane) most = one > most ? one : most;
    return most;
}

// Reads only the elements that the mask names, as guard pages behind the last one would show.
template <class Vector, class Element>
inline Vector maskz_load(uint64_t mask, const void *from) {
    Element element[sizeof(Vector) / sizeof(Element)] = {};
    for (unsigned i = 0; i < sizeof(Vector) / sizeof(Element); ++i)
        if (mask >> i & 1)
            memcpy(&element[i], static_cast<const char *>(from) + i * sizeof(Element),
                   sizeof(Element));
    Vector v;
    memcpy(&v, element, sizeof v);
    return v;
}

}  // namespace densq_emulated

#undef _mm256_dpbusd_avx_epi32
#undef _mm256_dpwssd_avx_epi32
#undef _mm256_maskz_loadu_epi16
#undef _mm512_cvtepi32_ps
#undef _mm512_cvtph_ps
#undef _mm512_cvtps_epi32
#undef _mm512_extractf32x8_ps
#undef _mm512_maskz_loadu_epi32
#undef _mm512_maskz_loadu_ps
#undef _mm512_reduce_max_epu32
#undef _mm512_shuffle_f32x4
#undef _mm512_ternarylogic_epi32
#define _mm256_dpbusd_avx_epi32(...) simde_mm256_dpbusd_epi32(__VA_ARGS__)
#define _mm256_dpwssd_avx_epi32(...) simde_mm256_dpwssd_epi32(__VA_ARGS__)
#define _mm256_maskz_loadu_epi16(...) densq_emulated::maskz_load<__m256i, uint16_t>(__VA_ARGS__)
#define _mm512_cvtepi32_ps(...) densq_emulated::cvtepi32_ps(__VA_ARGS__)
#define _mm512_cvtph_ps(...) densq_emulated::cvtph_ps(__VA_ARGS__)
#define _mm512_cvtps_epi32(...) densq_emulated::cvtps_epi32(__VA_ARGS__)
#define _mm512_extractf32x8_ps(...) densq_emulated::extractf32x8_ps(__VA_ARGS__)
#define _mm512_maskz_loadu_epi32(...) densq_emulated::maskz_load<__m512i, uint32_t>(__VA_ARGS__)
#define _mm512_maskz_loadu_ps(...) densq_emulated::maskz_load<__m512, uint32_t>(__VA_ARGS__)
#define _mm512_reduce_max_epu32(...) densq_emulated::reduce_max_epu32(__VA_ARGS__)
#define _mm512_shuffle_f32x4(...) densq_emulated::shuffle_f32x4(__VA_ARGS__)
#define _mm512_ternarylogic_epi32(...) densq_emulated::ternarylogic(__VA_ARGS__)

// SIMDe's macro of this name has the parameters of another intrinsic; those of the others cannot
// take an argument with a comma between a template's.
#undef _mm512_madd_epi16
#undef _mm512_maskz_permutexvar_epi8
#undef _mm512_permutexvar_epi16
#undef _mm512_permutexvar_epi8
#define _mm512_madd_epi16(...) simde_mm512_madd_epi16(__VA_ARGS__)
#define _mm512_maskz_permutexvar_epi8(...) simde_mm512_maskz_permutexvar_epi8(__VA_ARGS__)
#define _mm512_permutexvar_epi16(...) simde_mm512_permutexvar_epi16(__VA_ARGS__)
#define _mm512_permutexvar_epi8(...) simde_mm512_permutexvar_epi8(__VA_ARGS__)
