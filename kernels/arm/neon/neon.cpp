// SPDX-License-Identifier: MIT
// neon.cpp - the NEON kernels as a table; built once with the dot products of ARMv8.2 and once
// without.
#include "kernels/cpu_features.hpp"

#include "exact.hpp"
#include "fast.hpp"

namespace densq {
namespace {

constexpr KernelTable kTable = {
    .name = "neon",
#ifdef __ARM_FEATURE_DOTPROD
    .cpu_features = kCpuDotProducts,
#else
    .cpu_features = 0,
#endif
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

#ifdef __ARM_FEATURE_DOTPROD
const densq::KernelTable *densq::densq_k_neondot() { return &kTable; }
#else
const densq::KernelTable *densq::densq_k_neon() { return &kTable; }
#endif
