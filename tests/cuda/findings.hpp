// SPDX-License-Identifier: MIT
// findings.hpp - launches a kernel<correct> with and without its mistake.
#pragma once
#include <doctest/doctest.h>

#include <vector>

#include "emulator/emulator.hpp"
#include "kernels/cuda/device_words.hpp"

namespace densq::test {

using emulator::Emulator;
using emulator::Kind;
using emulator::Use;

constexpr uint32_t kThreads = 64;

struct Buffers {
    std::vector<float> out = std::vector<float>(4 * kThreads);
    std::vector<float> in = std::vector<float>(4 * kThreads);
    std::vector<uint32_t> counters = std::vector<uint32_t>(2);
};

inline int launch_on(void (*kernel)(float *), const device::LaunchShape &shape, Buffers &buffers) {
    return device::launch_pointer("kernel", kernel, shape, buffers.out.data());
}

inline int launch_on(void (*kernel)(float *, const float *), const device::LaunchShape &shape,
                     Buffers &buffers) {
    return device::launch_pointer("kernel", kernel, shape, buffers.out.data(), buffers.in.data());
}

inline int launch_on(void (*kernel)(float *, const float *, uint32_t *),
                     const device::LaunchShape &shape, Buffers &buffers) {
    return device::launch_pointer("kernel", kernel, shape, buffers.out.data(), buffers.in.data(),
                                  buffers.counters.data());
}

// Calls check(emulator) for several seeds, with threads that change at accesses and without.
template <typename Kernel, typename Check>
void launch_seeded(Kernel kernel, uint32_t blocks, const Check &check) {
    for (uint64_t seed = 0; seed < 6; ++seed) {
        Emulator emulator({.seed = seed, .switch_at_accesses = seed % 2 == 1});
        Buffers buffers;
        emulator.lend(buffers.out, Use::kOutput);
        emulator.lend(buffers.in, Use::kInput);
        emulator.lend(buffers.counters, Use::kInputOutput);
        const device::LaunchShape shape = {
            .grid = {blocks}, .threads = kThreads, .dynamic_shared_bytes = 4 * kThreads};
        CHECK(launch_on(kernel, shape, buffers) == 0);
        check(emulator);
    }
}

inline void expect_none(const Emulator &emulator) {
    CHECK_MESSAGE(emulator.findings().empty(), emulator.text());
}

// Findings of this kind and no others.  But where a read and a write race, the read may come first
// and find nothing written yet.
inline void expect_only(const Emulator &emulator, Kind kind) {
    CHECK(emulator.count(kind) > 0);
    const size_t others = kind == Kind::kRace ? emulator.count(Kind::kUninitialised) : 0;
    CHECK_MESSAGE(emulator.count(kind) + others == emulator.findings().size(), emulator.text());
}

inline void expect_some(const Emulator &emulator) { CHECK(!emulator.findings().empty()); }

}  // namespace densq::test

// kernel<true> gives no findings, kernel<false> those that `expect` wants.
#define CHECK_KERNEL(kernel, blocks, expect)                                            \
    do {                                                                                \
        CAPTURE(#kernel);                                                               \
        ::densq::test::launch_seeded(kernel<true>, blocks, ::densq::test::expect_none); \
        ::densq::test::launch_seeded(kernel<false>, blocks, expect);                    \
    } while (false)

#define CHECK_FINDS_IN_BLOCKS(blocks, kind, kernel)                            \
    CHECK_KERNEL(kernel, blocks, [](const ::densq::test::Emulator &emulator) { \
        ::densq::test::expect_only(emulator, kind);                            \
    })

#define CHECK_FINDS(kind, kernel) CHECK_FINDS_IN_BLOCKS(1, kind, kernel)

#define CHECK_FINDS_ANY(kernel) CHECK_KERNEL(kernel, 1, ::densq::test::expect_some)
