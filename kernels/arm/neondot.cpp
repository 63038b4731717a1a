// SPDX-License-Identifier: MIT
// neondot.cpp - the NEON kernels with the dot products of ARMv8.2 as a table.
#include "kernels/cpu_features.hpp"

#include "neon_byte_products.hpp"
#include "neon_fast.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using ByteFastRow = FastRow<bits, batch, ByteProducts<bits, batch>>;

constexpr PrecisionKernels kFast = make_kernels<ByteFastRow>(prepare_fast<ByteProducts>);
constexpr KernelTable kTable = {"neon", kCpuNeon | kCpuDotProducts, &kFast, &densq_k_neon_exact,
                                &densq_k_scalar_int8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_neondot() { return &kTable; }
