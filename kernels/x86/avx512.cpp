// SPDX-License-Identifier: MIT
// avx512.cpp - the AVX-512 kernels as a table.
#include "kernels/cpu_features.hpp"

#include "avx512_fast.hpp"
#include "avx512_shuffled_lut.hpp"

namespace densq {
namespace {

struct MaddProducts {
    static DENSQ_INLINE __m512i add(__m512i sum, __m512i a, __m512i b) {
        return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
    }
};

// Products in 16 bits, which do not overflow (int8_products), then in 32 bits.
struct WordSums {
    template <int count>
    static DENSQ_INLINE __m512i add(__m512i sum, const __m512i *weights, const __m512i *values) {
        __m512i words = _mm512_maddubs_epi16(weights[0], values[0]);
        DENSQ_UNROLL
        for (int i = 1; i < count; ++i)
            words = _mm512_add_epi16(words, _mm512_maddubs_epi16(weights[i], values[i]));
        return _mm512_add_epi32(sum, _mm512_madd_epi16(words, _mm512_set1_epi16(1)));
    }
};

template <int bits, int batch>
using MaddFastRow = FastRow<bits, batch, MaddProducts>;

template <int bits, int batch>
using WordInt8Row = Int8Row<bits, batch, ShuffledLut, WordSums>;

constexpr PrecisionKernels kFast = make_kernels<MaddFastRow>(prepare_fast);
constexpr PrecisionKernels kInt8 = make_kernels<WordInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"avx512", kCpuAvx512, &kFast, &densq_k_avx512_exact, &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx512() { return &kTable; }
