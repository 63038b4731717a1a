// SPDX-License-Identifier: MIT
// avx512.cpp - the AVX-512 kernels as a table; built once with VNNI and once without.
#include "kernels/cpu_features.hpp"
#include "kernels/table.hpp"

#include "exact.hpp"
#include "fast.hpp"

namespace densq {
namespace {

constexpr KernelTable kTable = {
    .name = "avx512",
#ifdef __AVX512VNNI__
    .cpu_features = kCpuAvx512 | kCpuAvx512Vnni,
#else
    .cpu_features = kCpuAvx512,
#endif
    .max_batch = 8,
    .prepare = {prepare_fast, prepare_exact},
    .multiply_tile = {{multiply_tile<FastPath, 2, 8>, multiply_tile<FastPath, 3, 8>,
                       multiply_tile<FastPath, 4, 8>},
                      {multiply_tile<ExactPath, 2, 8>, multiply_tile<ExactPath, 3, 8>,
                       multiply_tile<ExactPath, 4, 8>}},
    .sparse_segment = sparse_segment<Lanes16, 8>,
};

}  // namespace
}  // namespace densq

#ifdef __AVX512VNNI__
const densq::KernelTable *densq::densq_k_avx512vnni() { return &kTable; }
#else
const densq::KernelTable *densq::densq_k_avx512() { return &kTable; }
#endif
