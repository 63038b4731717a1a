// SPDX-License-Identifier: MIT
#include "lib/base/cpu_detection.hpp"

#include "kernels/cpu_features.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace densq {

#if defined(__x86_64__)

namespace {

struct Registers {
    uint32_t a, b, c, d;
};

// Returns zeros for a leaf that the CPU does not have.
Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    Registers r = {};
    __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
    return r;
}

// The kinds of registers that the operating system saves (XCR0).
uint32_t saved_registers() {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

constexpr bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// The features that need vector registers.
uint32_t vector_features(Registers basic) {
    constexpr uint32_t kFma = 1u << 12, kF16c = 1u << 29, kOsxsave = 1u << 27, kAvx2 = 1u << 5;
    constexpr uint32_t kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
    constexpr uint32_t kVnni = 1u << 11, kAvxVnni = 1u << 4, kVbmi = 1u << 1;
    constexpr uint32_t kYmm = 0x6, kZmm = 0xE6;
    const Registers extended = cpuid(7);
    if (!has(basic.c, kFma | kF16c | kOsxsave) || !has(extended.b, kAvx2)) return 0;
    const uint32_t saved = saved_registers();
    if (!has(saved, kYmm)) return 0;
    const bool has_vnni = extended.a >= 1 && has(cpuid(7, 1).a, kAvxVnni);
    const uint32_t avx2 = kCpuAvx2 | (has_vnni ? kCpuAvxVnni : 0u);
    if (!has(saved, kZmm) || !has(extended.b, kF | kDq | kBw | kVl)) return avx2;
    const uint32_t avx512 = avx2 | kCpuAvx512;
    return avx512 | (has(extended.c, kVnni) ? kCpuAvx512Vnni : 0u) |
           (has(extended.c, kVbmi) ? kCpuAvx512Vbmi : 0u);
}

}  // namespace

namespace {

// Zen 3 (family 19h of AMD, which Zen 4 shares, but has AVX-512): docs/performance.md, "Streams".
bool reads_two_streams(Registers basic, uint32_t vector) {
    const Registers vendor = cpuid(0);
    const bool amd = vendor.b == 0x68747541 && vendor.d == 0x69746E65 && vendor.c == 0x444D4163;
    const uint32_t family = (basic.a >> 8 & 0xF) + (basic.a >> 20 & 0xFF);
    return amd && family == 0x19 && has(vector, kCpuAvx2) && !has(vector, kCpuAvx512);
}

}  // namespace

uint32_t detect_cpu_features() {
    constexpr uint32_t kSse42 = 1u << 20;
    const Registers basic = cpuid(1);
    const uint32_t vector = vector_features(basic);
    return vector | (has(basic.c, kSse42) ? kCpuCrc32c : 0u) |
           (reads_two_streams(basic, vector) ? kCpuTwoStreams : 0u);
}

#elif defined(__aarch64__) && defined(__linux__)

uint32_t detect_cpu_features() {
    const unsigned long has = getauxval(AT_HWCAP);
    return kCpuNeon | (has & HWCAP_CRC32 ? kCpuCrc32c : 0u) |
           (has & HWCAP_ASIMDDP ? kCpuDotProducts : 0u);
}

#elif defined(__aarch64__) && defined(__APPLE__)

namespace {

bool has(const char *name) {
    int value = 0;
    size_t size = sizeof value;
    return !sysctlbyname(name, &value, &size, nullptr, 0) && value;
}

}  // namespace

uint32_t detect_cpu_features() {
    return kCpuNeon | (has("hw.optional.armv8_crc32") ? kCpuCrc32c : 0u) |
           (has("hw.optional.arm.FEAT_DotProd") ? kCpuDotProducts : 0u);
}

#else

uint32_t detect_cpu_features() { return 0; }

#endif

}  // namespace densq
