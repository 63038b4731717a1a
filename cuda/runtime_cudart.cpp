// SPDX-License-Identifier: MIT
// runtime_cudart.cpp - the functions of cuda_runtime.hpp, by NVIDIA's runtime.
#include <cuda_runtime_api.h>
#include <string.h>

#include "cuda/cuda_runtime.hpp"

namespace densq::cuda {
namespace {

static_assert(kErrorMemory == cudaErrorMemoryAllocation);
static_assert(kErrorInsufficientDriver == cudaErrorInsufficientDriver);
static_assert(kErrorNoDevice == cudaErrorNoDevice);
static_assert(kErrorNoKernelImage == cudaErrorNoKernelImageForDevice);

// The application may look at CUDA's last error, so it must not find one of ours there.
int report(int error) {
    if (error) cudaGetLastError();
    return error;
}

// A copy from pageable memory may return before its last bytes have arrived.
int wait_for_copy(int error) {
    return report(error ? error : cudaStreamSynchronize(cudaStreamLegacy));
}

}  // namespace

const char *error_name(int error) { return cudaGetErrorName(static_cast<cudaError_t>(error)); }
const char *error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

int runtime_version() { return CUDART_VERSION; }

int driver_version() {
    int version = 0;
    return report(cudaDriverGetVersion(&version)) ? 0 : version;
}

int count_devices(int *count) { return report(cudaGetDeviceCount(count)); }
int get_current_device(int *device) { return report(cudaGetDevice(device)); }
int set_current_device(int device) { return report(cudaSetDevice(device)); }

int get_properties(int device, DeviceProperties *out) {
    cudaDeviceProp properties;
    if (const int error = cudaGetDeviceProperties(&properties, device)) return report(error);
    *out = {};
    static_assert(sizeof out->name == sizeof properties.name);
    memcpy(out->name, properties.name, sizeof out->name);
    out->compute_major = static_cast<uint32_t>(properties.major);
    out->compute_minor = static_cast<uint32_t>(properties.minor);
    out->multiprocessors = static_cast<uint32_t>(properties.multiProcessorCount);
    out->memory_bytes = properties.totalGlobalMem;
    out->l2_bytes = static_cast<uint64_t>(properties.l2CacheSize);
    return 0;
}

int allocate_device(void **out, size_t size) { return report(cudaMalloc(out, size)); }
int free_device(void *memory) { return report(cudaFree(memory)); }

int copy_to_device(void *device, const void *host, size_t size) {
    return wait_for_copy(
        cudaMemcpyAsync(device, host, size, cudaMemcpyHostToDevice, cudaStreamLegacy));
}

int copy_to_host(void *host, const void *device, size_t size) {
    return wait_for_copy(
        cudaMemcpyAsync(host, device, size, cudaMemcpyDeviceToHost, cudaStreamLegacy));
}

int copy_on_device(void *to, const void *from, size_t size) {
    return report(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, cudaStreamLegacy));
}

int synchronize() { return report(cudaDeviceSynchronize()); }

int start(const MultiplyCall &call) { return report(multiply_on_stream(call)); }

}  // namespace densq::cuda
