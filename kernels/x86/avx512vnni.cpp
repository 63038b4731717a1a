// SPDX-License-Identifier: MIT
// avx512vnni.cpp - the AVX-512 kernels with the dot products of VNNI as a table.
#include "kernels/cpu_features.hpp"

#include "avx512_byte_products.hpp"
#include "avx512_shuffled_lut.hpp"

namespace densq {
namespace {

template <int bits, int batch>
using VnniInt8Row = Int8Row<bits, batch, ShuffledLut, ByteProducts>;

constexpr PrecisionKernels kInt8 = make_kernels<VnniInt8Row>(prepare_int8);
constexpr KernelTable kTable = {"avx512", kCpuAvx512 | kCpuAvx512Vnni, &densq_k_avx512vnni_fast,
                                &densq_k_avx512_exact, &kInt8};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx512vnni() { return &kTable; }
