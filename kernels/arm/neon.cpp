// SPDX-License-Identifier: MIT
// neon.cpp - the NEON kernels as a table.
#include "kernels/cpu_features.hpp"

#include "neon_word_products.hpp"
#include "neon_exact.hpp"
#include "neon_fast.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using WordFastRow = FastRow<bits, batch, WordProducts<bits, batch>>;

constexpr KernelTable kTable = make_table<WordFastRow, ExactRow, 4>(
    "neon", kCpuNeon, prepare_fast<WordProducts>, prepare_in_order);

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_neon() { return &kTable; }
