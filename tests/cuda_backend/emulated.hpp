// SPDX-License-Identifier: MIT
// emulated.hpp - a machine with GPUs that runtime_emulated.cpp makes up: their memory is the
// host's, the emulator of tests/cuda runs the kernels.
//
// Work that is started waits until something of CUDA's would wait for it, so whoever reads results
// too early reads what was there before.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cuda/cuda_runtime.hpp"

namespace densq::test {

struct DeviceBlock {
    size_t size;
    int device;
};

struct EmulatedMachine {
    std::vector<cuda::DeviceProperties> devices;
    bool has_driver = true;
    int current_device = 0;
    uint64_t memory_left = UINT64_MAX;  // what cudaMalloc gives in all

    unsigned calls = 0;           // of the functions that can fail
    unsigned failing_call = ~0u;  // the call of that number, from 0, gives
    int failing_error = 719;      // cudaErrorLaunchFailure

    std::map<uintptr_t, DeviceBlock> blocks;
    unsigned copies_to_device = 0;
    std::vector<void *> streams;  // of the multiplications, in the order they were started
    std::vector<std::function<int()>> pending;
    std::vector<std::string> errors;  // misuse of CUDA, the emulator's findings

    // One of those, of compute capability 8.0.
    explicit EmulatedMachine(unsigned device_count = 1);
    ~EmulatedMachine();
    EmulatedMachine(const EmulatedMachine &) = delete;
    EmulatedMachine &operator=(const EmulatedMachine &) = delete;

    int finish_pending();

private:
    EmulatedMachine *outer;
};

}  // namespace densq::test
