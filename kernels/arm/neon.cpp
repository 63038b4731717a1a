// SPDX-License-Identifier: MIT
// neon.cpp - the NEON kernels as a table.
#include "kernels/cpu_features.hpp"

#include "neon_int8.hpp"
#include "neon_int8_prepare.hpp"
#include "neon_word_products.hpp"
#include "neon_fast.hpp"

namespace densq {
namespace {

// Products in 16 bits, which do not overflow (int8_products), then in 32 bits.
struct WordSums {
    template <int count>
    static DENSQ_INLINE int32x4_t add(int32x4_t sum, const int8x16_t *weights, const int8_t *x) {
        int8x16_t values = vld1q_s8(x);
        int16x8_t low = vmull_s8(vget_low_s8(weights[0]), vget_low_s8(values));
        int16x8_t high = vmull_high_s8(weights[0], values);
        DENSQ_UNROLL
        for (int i = 1; i < count; ++i) {
            values = vld1q_s8(x + DENSQ_LINE_BYTES * i);
            low = vmlal_s8(low, vget_low_s8(weights[i]), vget_low_s8(values));
            high = vmlal_high_s8(high, weights[i], values);
        }
        return vpadalq_s16(sum, vpaddq_s16(low, high));
    }
};

template <int bits, int batch>
using WordInt8Row = Int8Row<bits, batch, WordSums>;

template <int bits, int batch>
using WordFastRow = FastRow<bits, batch, WordProducts<bits, batch>>;

constexpr PrecisionKernels kFast = make_kernels<WordFastRow>(prepare_fast<WordProducts>);
constexpr PrecisionKernels kInt8 = make_kernels<WordInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"neon", kCpuNeon, &kFast, &densq_k_neon_exact, &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_neon() { return &kTable; }
