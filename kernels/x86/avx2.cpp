// SPDX-License-Identifier: MIT
// avx2.cpp - the AVX2 kernels as a table.
#include "kernels/cpu_features.hpp"

#include "avx2_int8.hpp"
#include "avx2_int8_prepare.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using WordInt8Row = Int8Row<bits, batch, WordSums>;

constexpr PrecisionKernels kInt8 = make_kernels<WordInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"avx2", kCpuAvx2, &densq_k_avx2_fast, &densq_k_avx2_exact, &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx2() { return &kTable; }
