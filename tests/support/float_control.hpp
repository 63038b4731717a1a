// SPDX-License-Identifier: MIT
// float_control.hpp - the calling thread's floating-point environment, and some that are not the
// default one.
#pragma once
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace densq::test {

struct Environment {
    const char *name;
    uint64_t control;
};

#if defined(__x86_64__)

constexpr uint64_t kDefaultControl = 0x1F80;
constexpr Environment kEnvironments[] = {
    {"flush to zero, subnormal inputs as zero", 0x9FC0},
    {"upwards", 0x5F80},
    {"downwards", 0x3F80},
    {"to zero, flush to zero, subnormal inputs as zero", 0xFFC0},
    {"to nearest, traps", 0x0000},
    {"upwards, traps", 0x4000},
};

// Reads the register without the flags of past exceptions.
inline uint64_t read_control() { return _mm_getcsr() & 0xFFC0u; }
inline void write_control(uint64_t control) { _mm_setcsr(static_cast<uint32_t>(control)); }

#elif defined(__aarch64__)

constexpr uint64_t kDefaultControl = 0;
constexpr Environment kEnvironments[] = {
    {"flush to zero", 1u << 24},
    {"upwards", 1u << 22},
    {"downwards", 2u << 22},
    {"to zero, flush to zero, default NaN", 3u << 22 | 1u << 24 | 1u << 25},
    {"the other half precision", 1u << 26},
};

inline uint64_t read_control() {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control) : : "memory");
    return control;
}
inline void write_control(uint64_t control) {
    __asm__ volatile("msr fpcr, %0" : : "r"(control) : "memory");
}

#else

constexpr uint64_t kDefaultControl = 0;
constexpr Environment kEnvironments[] = {{"the default", kDefaultControl}};

inline uint64_t read_control() { return kDefaultControl; }
inline void write_control(uint64_t) {}

#endif

// Runs `work` in an environment; whether it is the same behind it.
template <typename Work>
bool keeps(uint64_t control, Work work) {
    write_control(control);
    const bool set = read_control() == control;
    work();
    const bool kept = read_control() == control;
    write_control(kDefaultControl);
    return set && kept;
}

}  // namespace densq::test
