// SPDX-License-Identifier: MIT
// avxvnni_fast.cpp - the fast precision with the dot products of AVX-VNNI.
#include "avx2_fast.hpp"
#include "avx2_fast_prepare.hpp"

namespace densq {
namespace {

struct DotWordProducts {
    static DENSQ_INLINE __m256i add(__m256i sum, __m256i a, __m256i b) {
        return _mm256_dpwssd_avx_epi32(sum, a, b);
    }
};

template <int bits, int batch>
using DotFastRow = FastRow<bits, batch, DotWordProducts>;

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_avxvnni_fast =
    densq::make_kernels<densq::DotFastRow>(densq::prepare_fast);
