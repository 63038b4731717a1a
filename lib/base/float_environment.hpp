// SPDX-License-Identifier: MIT
// float_environment.hpp - the floating-point environment in which the library computes: rounding to
// nearest, subnormal numbers, no traps.
//
// Otherwise results would depend on the environment of the caller, and on the number of threads,
// because the threads of a pool have another environment.  All work that rounds begins with a
// FloatEnvironment.
#pragma once
#include <stdint.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <fenv.h>
#endif

namespace densq {

#if defined(__x86_64__)

// MXCSR: flags of past exceptions, subnormal inputs as zero, masks of exceptions, rounding, flush
// to zero.
struct FloatControl {
    using Register = uint32_t;
    static constexpr Register kControl = 0xFFC0, kDefault = 0x1F80;

    static Register read() {
        Register value;
        __asm__ volatile("stmxcsr %0" : "=m"(value) : : "memory");
        return value;
    }
    // The compiler moves no computation across this, as operands and results are in memory.
    static void write(Register value) { __asm__ volatile("ldmxcsr %0" : : "m"(value) : "memory"); }
};

#elif defined(__aarch64__)

// FPCR: traps, half precision, rounding, flush to zero, default NaN.
struct FloatControl {
    using Register = uint64_t;
    static constexpr Register kControl = ~Register{0}, kDefault = 0;

    static Register read() {
        Register value;
        __asm__ volatile("mrs %0, fpcr" : "=r"(value) : : "memory");
        return value;
    }
    static void write(Register value) {
        __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory");
    }
};

#endif

#if defined(__x86_64__) || defined(__aarch64__)

// The register is written only if it must change, as writing takes as long as dozens of
// multiplications.
class FloatEnvironment {
public:
    FloatEnvironment() : before(FloatControl::read()) {
        if (differs()) FloatControl::write((before & ~FloatControl::kControl) | kDefault);
    }
    ~FloatEnvironment() {
        if (differs()) FloatControl::write(before);
    }
    FloatEnvironment(const FloatEnvironment &) = delete;
    FloatEnvironment &operator=(const FloatEnvironment &) = delete;

private:
    static constexpr FloatControl::Register kDefault = FloatControl::kDefault;
    bool differs() const { return (before & FloatControl::kControl) != kDefault; }

    const FloatControl::Register before;
};

#else

class FloatEnvironment {
public:
    FloatEnvironment() {
        fegetenv(&before);
        fesetenv(FE_DFL_ENV);
    }
    ~FloatEnvironment() { fesetenv(&before); }
    FloatEnvironment(const FloatEnvironment &) = delete;
    FloatEnvironment &operator=(const FloatEnvironment &) = delete;

private:
    fenv_t before;
};

#endif

}  // namespace densq
