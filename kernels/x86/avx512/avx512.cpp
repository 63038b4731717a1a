// SPDX-License-Identifier: MIT
// avx512.cpp - the AVX-512 kernels as a table; built once with VNNI and once without.
#include "kernels/cpu_features.hpp"
#include "kernels/table.hpp"

#include "exact.hpp"
#include "fast.hpp"

namespace densq {
namespace {

#ifdef __AVX512VNNI__
constexpr uint32_t kFeatures = kCpuAvx512 | kCpuAvx512Vnni;
#else
constexpr uint32_t kFeatures = kCpuAvx512;
#endif
constexpr KernelTable kTable =
    make_table<FastPath, ExactPath, 8>("avx512", kFeatures, prepare_fast, prepare_exact);

}  // namespace
}  // namespace densq

#ifdef __AVX512VNNI__
const densq::KernelTable *densq::densq_k_avx512vnni() { return &kTable; }
#else
const densq::KernelTable *densq::densq_k_avx512() { return &kTable; }
#endif
