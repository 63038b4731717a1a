// SPDX-License-Identifier: MIT
// neon.cpp - the NEON kernels as a table.
#include "kernels/cpu_features.hpp"

#include "neon_word_products.hpp"
#include "neon_fast.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using WordFastRow = FastRow<bits, batch, WordProducts<bits, batch>>;

constexpr PrecisionKernels kFast = make_kernels<WordFastRow>(prepare_fast<WordProducts>);
constexpr KernelTable kTable = {"neon", kCpuNeon, &kFast, &densq_k_neon_exact,
                                &densq_k_scalar_int8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_neon() { return &kTable; }
