// SPDX-License-Identifier: MIT
// avx512vnni_fast.cpp - the fast precision with the dot products of VNNI.
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

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_avx512vnni_fast =
    densq::make_kernels<densq::VnniFastRow>(densq::prepare_fast);
