// SPDX-License-Identifier: MIT
// avx2.cpp - the AVX2 kernels as a table.
#include "kernels/cpu_features.hpp"

#include "avx2_exact.hpp"
#include "avx2_fast.hpp"

namespace densq {
namespace {

constexpr KernelTable kTable =
    make_table<FastRow, ExactRow, 4>("avx2", kCpuAvx2, prepare_fast, prepare_exact);

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx2() { return &kTable; }
