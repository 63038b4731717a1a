// SPDX-License-Identifier: MIT
// avx512vnni.cpp - the AVX-512 kernels with the dot products of VNNI as a table.
#include "kernels/cpu_features.hpp"

#include "avx512_fast.hpp"

namespace densq {
namespace {

struct VnniProducts {
    static DENSQ_INLINE __m512i add(__m512i sum, __m512i a, __m512i b) {
        return _mm512_dpwssd_epi32(sum, a, b);
    }
};

template <int bits, int batch>
using VnniFastRow = FastRow<bits, batch, VnniProducts>;

constexpr PrecisionKernels kFast = make_kernels<VnniFastRow>(prepare_fast);
constexpr KernelTable kTable = {"avx512", kCpuAvx512 | kCpuAvx512Vnni, &kFast,
                                &densq_k_avx512_exact, &densq_k_scalar_int8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx512vnni() { return &kTable; }
