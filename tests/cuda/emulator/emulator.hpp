// SPDX-License-Identifier: MIT
// emulator.hpp - runs CUDA kernels on the host and tells what is wrong with them.
//
//     Emulator emulator({.seed = 7});
//     emulator.lend(codes, Use::kInput);
//     emulator.lend(y, Use::kOutput);
//     CHECK(device::launch<kernel>(shape, nullptr, codes.data(), y.data()) == 0);
//     CHECK_MESSAGE(emulator.findings().empty(), emulator.text());
//
// Launches of this host thread go to its latest Emulator.  Thread blocks run one after the other in
// an order that the seed determines; so does that of the threads, each of which runs until it needs
// the others.  Findings do not stop a kernel: what must not be stored is not, what must not be
// loaded is zero.  Only where threads can go no further, their thread block ends.
//
// Not emulated: thread blocks that run at the same time, weak memory order as such (an access is
// judged by the barriers and fences between it and the other), bank conflicts, time.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "global_memory.hpp"
#include "report.hpp"

namespace densq::emulator {

struct Machine;

struct Options {
    uint64_t seed = 1;
    bool switch_at_accesses = false;  // threads also change at a quarter of all memory accesses
    uint32_t shared_bytes =
        64 << 10;  // that a thread block may have; all GPUs from sm_75 on have these
};

class Emulator {
public:
    explicit Emulator(Options options = {});
    ~Emulator();
    Emulator(const Emulator &) = delete;
    Emulator &operator=(const Emulator &) = delete;

    // Memory for the kernels of later launches; it must stay where it is.
    void lend(const void *at, size_t size, Use use);

    template <typename T>
    void lend(const std::vector<T> &values, Use use) {
        lend(values.data(), values.size() * sizeof(T), use);
    }

    const std::vector<Finding> &findings() const;
    size_t count(Kind kind) const;  // findings of that kind
    std::string text() const;       // all findings

private:
    std::unique_ptr<Machine> machine;
    Machine *outer;  // whose turn it is again when this one is gone
};

}  // namespace densq::emulator
