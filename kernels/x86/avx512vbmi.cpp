// SPDX-License-Identifier: MIT
// avx512vbmi.cpp - the AVX-512 kernels with VNNI and the byte permutations of VBMI as a table.
#include "kernels/cpu_features.hpp"

#include "avx512_byte_products.hpp"
#include "avx512_permuted_lut.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using VbmiInt8Row = Int8Row<bits, batch, PermutedLut, ByteProducts>;

constexpr PrecisionKernels kInt8 = make_kernels<VbmiInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"avx512", kCpuAvx512 | kCpuAvx512Vnni | kCpuAvx512Vbmi,
                                &densq_k_avx512vnni_fast, &densq_k_avx512_exact, &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx512vbmi() { return &kTable; }
