// SPDX-License-Identifier: MIT
// avx2.cpp - the AVX2 kernels as a table.
#include "kernels/cpu_features.hpp"

#include "exact.hpp"
#include "fast.hpp"

namespace densq {
namespace {

constexpr KernelTable kTable = {
    .name = "avx2",
    .cpu_features = kCpuAvx2,
    .max_batch = 4,
    .prepare = {prepare_fast, prepare_exact},
    .multiply_tile = {{multiply_tile<FastPath, 2, 4>, multiply_tile<FastPath, 3, 4>,
                       multiply_tile<FastPath, 4, 4>},
                      {multiply_tile<ExactPath, 2, 4>, multiply_tile<ExactPath, 3, 4>,
                       multiply_tile<ExactPath, 4, 4>}},
    .sparse_segment = sparse_segment<Lanes8, 4>,
};

}  // namespace
}  // namespace densq

const densq::KernelTable *densq::densq_k_avx2() { return &kTable; }
