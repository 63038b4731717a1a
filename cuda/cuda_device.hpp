// SPDX-License-Identifier: MIT
// cuda_device.hpp - which device, and what its errors are to the caller.
#pragma once
#include <stdint.h>

#include "cuda/cuda_runtime.hpp"
#include "densq/densq.h"

namespace densq::cuda {

// DENSQ_OK for 0; else a status for a cudaError_t, and a fault: "<doing>: <CUDA's text>".
densq_status check(int error, densq_fault *fault, const char *doing);

// Number of devices; DENSQ_ERR_UNSUPPORTED if there is none.
densq_status count_usable(uint32_t *count, densq_fault *fault);

// Makes a device the thread's current one for as long as this lives.
class OnDevice {
public:
    explicit OnDevice(int device) : failure(get_current_device(&previous)) {
        if (failure || previous == device) return;
        failure = set_current_device(device);
        changed = failure == 0;
    }
    ~OnDevice() {
        if (changed) set_current_device(previous);
    }
    OnDevice(const OnDevice &) = delete;
    OnDevice &operator=(const OnDevice &) = delete;

    // A cudaError_t if the device is not the current one.
    int error() const { return failure; }

private:
    int previous = 0;
    bool changed = false;
    int failure;
};

}  // namespace densq::cuda
