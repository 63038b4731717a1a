// SPDX-License-Identifier: MIT
// avx512_byte_products.hpp - the products of the int8 precision with the dot products of VNNI.
#pragma once
#include <immintrin.h>

#include "kernels/compiler.hpp"

namespace densq {
namespace {

struct ByteProducts {
    template <int count>
    static DENSQ_INLINE __m512i add(__m512i sum, const __m512i *weights, const __m512i *values) {
        DENSQ_UNROLL
        for (int i = 0; i < count; ++i) sum = _mm512_dpbusd_epi32(sum, weights[i], values[i]);
        return sum;
    }
};

}  // namespace
}  // namespace densq
