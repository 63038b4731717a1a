// SPDX-License-Identifier: MIT
// avxvnni.cpp - the AVX2 kernels with the dot products of AVX-VNNI as a table.
#include "kernels/cpu_features.hpp"

#include "avx2_int8.hpp"
#include "avx2_int8_prepare.hpp"

namespace densq {
namespace {

struct DotProducts {
    template <int count>
    static DENSQ_INLINE __m256i add(__m256i sum, const __m256i *weights, const int8_t *x) {
        DENSQ_UNROLL
        for (int i = 0; i < count; ++i)
            sum = _mm256_dpbusd_avx_epi32(sum, weights[i], load_bytes(x + 64 * i));
        return sum;
    }
};

template <int bits, int batch>
using DotInt8Row = Int8Row<bits, batch, DotProducts>;

constexpr PrecisionKernels kInt8 = make_kernels<DotInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"avx2", kCpuAvx2 | kCpuAvxVnni, &densq_k_avxvnni_fast,
                                &densq_k_avx2_exact, &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avxvnni() { return &kTable; }
