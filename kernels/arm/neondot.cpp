// SPDX-License-Identifier: MIT
// neondot.cpp - the NEON kernels with the dot products of ARMv8.2 as a table.
#include "kernels/cpu_features.hpp"

#include "neon_byte_products.hpp"
#include "neon_exact.hpp"
#include "neon_fast.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using ByteFastRow = FastRow<bits, batch, ByteProducts<bits, batch>>;

constexpr KernelTable kTable = make_table<ByteFastRow, ExactRow, 4>(
    "neon", kCpuNeon | kCpuDotProducts, prepare_fast<ByteProducts>, prepare_in_order);

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_neondot() { return &kTable; }
