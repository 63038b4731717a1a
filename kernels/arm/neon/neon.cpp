// SPDX-License-Identifier: MIT
// neon.cpp - the NEON kernels as a table; built once with the dot products of ARMv8.2 and once
// without.
#include "kernels/cpu_features.hpp"
#include "kernels/prepare.hpp"

#include "exact.hpp"
#include "fast.hpp"

namespace densq {
namespace {

#ifdef __ARM_FEATURE_DOTPROD
constexpr uint32_t kFeatures = kCpuNeon | kCpuDotProducts;
#else
constexpr uint32_t kFeatures = kCpuNeon;
#endif
constexpr KernelTable kTable =
    make_table<FastPath, ExactPath, 4>("neon", kFeatures, prepare_fast, prepare_in_order);

}  // namespace
}  // namespace densq

#ifdef __ARM_FEATURE_DOTPROD
const densq::KernelTable *densq::densq_k_neondot() { return &kTable; }
#else
const densq::KernelTable *densq::densq_k_neon() { return &kTable; }
#endif
