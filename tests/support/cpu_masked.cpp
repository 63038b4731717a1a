// SPDX-License-Identifier: MIT
// cpu_masked.cpp - a CPU that can be made to seem less than it is, in place of
// lib/base/cpu_unmasked.cpp: DENSQ_TEST_HIDE_CPU lists features, separated by commas.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "kernels/cpu_features.hpp"
#include "lib/base/cpu_detection.hpp"

#include "backends_run.hpp"

namespace {

constexpr uint32_t kAllAvx512 = densq::kCpuAvx512 | densq::kCpuAvx512Vnni | densq::kCpuAvx512Vbmi;

constexpr struct {
    std::string_view name;
    uint32_t features;  // with what cannot be had without it
} kHideable[] = {
    {"crc32c", densq::kCpuCrc32c},           {"avx2", densq::kCpuAvx2 | densq::kCpuBeyondAvx2},
    {"avxvnni", densq::kCpuAvxVnni},         {"avx512", kAllAvx512},
    {"avx512vnni", densq::kCpuAvx512Vnni},   {"avx512vbmi", densq::kCpuAvx512Vbmi},
    {"two streams", densq::kCpuTwoStreams},  {"neon", densq::kCpuNeon | densq::kCpuDotProducts},
    {"dotproducts", densq::kCpuDotProducts},
};

uint32_t features_named(std::string_view name) {
    for (const auto &hideable : kHideable)
        if (hideable.name == name) return hideable.features;
    std::fprintf(stderr, "DENSQ_TEST_HIDE_CPU: there is no '%.*s'\n", static_cast<int>(name.size()),
                 name.data());
    std::abort();
}

uint32_t hidden_features() {
    const char *list = std::getenv("DENSQ_TEST_HIDE_CPU");
    uint32_t hidden = 0;
    for (std::string_view rest = list ? list : ""; !rest.empty();) {
        const size_t end = std::min(rest.find(','), rest.size());
        hidden |= features_named(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return hidden;
}

}  // namespace

const uint32_t densq::test::emulated_features = 0;

uint32_t densq::cpu_features() { return detect_cpu_features() & ~hidden_features(); }
