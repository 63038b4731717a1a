// SPDX-License-Identifier: MIT
// avx2_fast.cpp - the fast precision with vpmaddwd.
#include "avx2_fast.hpp"
#include "avx2_fast_prepare.hpp"

namespace densq {
namespace {

struct WordProducts {
    static DENSQ_INLINE __m256i add(__m256i sum, __m256i a, __m256i b) {
        return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    }
};

template <int bits, int batch>
using WordFastRow = FastRow<bits, batch, WordProducts>;

}  // namespace
}  // namespace densq

constexpr densq::PrecisionKernels densq::densq_k_avx2_fast =
    densq::make_kernels<densq::WordFastRow>(densq::prepare_fast);
