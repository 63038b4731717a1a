// SPDX-License-Identifier: MIT
// avx2.cpp - the AVX2 kernels as a table.
#include "kernels/cpu_features.hpp"

#include "avx2_fast.hpp"

namespace densq {
namespace {

constexpr PrecisionKernels kFast = make_kernels<FastRow>(prepare_fast);
constexpr KernelTable kTable = make_table<Lanes8>("avx2", kCpuAvx2, &kFast, &densq_k_avx2_exact);

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx2() { return &kTable; }
