// SPDX-License-Identifier: MIT
// cuda_runtime.hpp - the functions of CUDA's runtime that the backend uses.  The tests have others,
// which work in host memory and run the kernels on an emulator (tests/cuda_backend).
//
// Functions return 0 or a cudaError_t, and leave CUDA's last error empty.  They concern the current
// device.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "kernels/cuda/multiply_on_stream.hpp"

namespace densq::cuda {

// Values of cudaError_t, which CUDA does not change.
constexpr int kErrorMemory = 2;
constexpr int kErrorInsufficientDriver = 35;
constexpr int kErrorNoDevice = 100;
constexpr int kErrorNoKernelImage = 209;

// Returns static text.
const char *error_name(int error);
const char *error_text(int error);

// Versions as CUDA writes them: 13000 is 13.0.
int runtime_version();
int driver_version();  // 0: no driver

int count_devices(int *count);
int get_current_device(int *device);
int set_current_device(int device);

struct DeviceProperties {
    char name[256];
    uint32_t compute_major, compute_minor;
    uint32_t multiprocessors;
    uint64_t memory_bytes, l2_bytes;
};
int get_properties(int device, DeviceProperties *out);

int allocate_device(void **out, size_t size);
int free_device(void *memory);

// These copies are done when the function returns.
int copy_to_device(void *device, const void *host, size_t size);
int copy_to_host(void *host, const void *device, size_t size);

// This copy is only started, on the legacy default stream.
int copy_on_device(void *to, const void *from, size_t size);

int synchronize();

int start(const MultiplyCall &call);

}  // namespace densq::cuda
