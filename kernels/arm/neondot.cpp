// SPDX-License-Identifier: MIT
// neondot.cpp - the NEON kernels with the dot products of ARMv8.2 as a table.
#include "kernels/cpu_features.hpp"

#include "neon_byte_products.hpp"
#include "neon_fast.hpp"
#include "neon_int8.hpp"
#include "neon_int8_prepare.hpp"

namespace densq {
namespace {

struct DotProducts {
    template <int count>
    static DENSQ_INLINE int32x4_t add(int32x4_t sum, const int8x16_t *weights, const int8_t *x) {
        DENSQ_UNROLL
        for (int i = 0; i < count; ++i)
            sum = vdotq_s32(sum, weights[i], vld1q_s8(x + DENSQ_LINE_BYTES * i));
        return sum;
    }
};

template <int bits, int batch>
using DotInt8Row = Int8Row<bits, batch, DotProducts>;

template <int bits, int batch>
using ByteFastRow = FastRow<bits, batch, ByteProducts<bits, batch>>;

constexpr PrecisionKernels kFast = make_kernels<ByteFastRow>(prepare_fast<ByteProducts>);
constexpr PrecisionKernels kInt8 = make_kernels<DotInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"neon", kCpuNeon | kCpuDotProducts, &kFast, &densq_k_neon_exact,
                                &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_neondot() { return &kTable; }
