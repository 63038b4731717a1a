// SPDX-License-Identifier: MIT
// avx512.cpp - the AVX-512 kernels as a table.
#include "kernels/cpu_features.hpp"

#include "avx512_fast.hpp"

namespace densq {
namespace {

struct MaddProducts {
    static DENSQ_INLINE __m512i add(__m512i sum, __m512i a, __m512i b) {
        return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
    }
};

template <int bits, int batch>
using MaddFastRow = FastRow<bits, batch, MaddProducts>;

constexpr PrecisionKernels kFast = make_kernels<MaddFastRow>(prepare_fast);
constexpr KernelTable kTable = {"avx512", kCpuAvx512, &kFast, &densq_k_avx512_exact,
                                &densq_k_scalar_int8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx512() { return &kTable; }
