// SPDX-License-Identifier: MIT
// cuda_device.hpp - the current device of a thread, and CUDA's errors as statuses and faults.
#pragma once
#include <stdint.h>

#include "cuda/cuda_runtime.hpp"
#include "densq/densq.h"

namespace densq::cuda {

// Returns DENSQ_OK for 0, else a status for a cudaError_t.  Writes the fault "<doing>: <CUDA's
// text>".
densq_status check(int error, densq_fault *fault, const char *doing);

// Gets the number of devices.  DENSQ_ERR_UNSUPPORTED: there is none.
densq_status count_usable(uint32_t *count, densq_fault *fault);

// While an object of this class lives, its device is the current one of the thread.
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

    // A cudaError_t if the device could not be made the current one.
    int error() const { return failure; }

private:
    int previous = 0;
    bool changed = false;
    int failure;
};

}  // namespace densq::cuda
