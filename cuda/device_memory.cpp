// SPDX-License-Identifier: MIT
// device_memory.cpp - device memory for programs that do not use CUDA's runtime.
#include "cuda/cuda_backend.hpp"
#include "cuda/cuda_device.hpp"
#include "densq/cuda.h"
#include "lib/base/fault.hpp"

using namespace densq;
using namespace densq::cuda;

namespace {

// Calls `work`, which returns a cudaError_t, with the backend's device as the current one.
template <typename Work>
densq_status run(const densq_backend *backend, densq_fault *fault, const char *doing, Work work) {
    const CudaBackend *cuda = as_cuda(backend);
    if (!cuda)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "the backend is NULL or not CUDA's");
    const OnDevice on_device(cuda->device);
    if (on_device.error()) return check(on_device.error(), fault, "choosing the device");
    return check(work(), fault, doing);
}

template <typename Work>
densq_status run_copy(const densq_backend *backend, const void *to, const void *from, size_t size,
                      densq_fault *fault, Work work) {
    if (size == 0) return DENSQ_OK;
    if (!to || !from) return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "an address is NULL");
    return run(backend, fault, "copying", work);
}

}  // namespace

densq_status densq_cuda_alloc(const densq_backend *backend, void **out, size_t size,
                              densq_fault *fault) {
    if (!out || size == 0)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "out is NULL or size is 0");
    *out = nullptr;
    return run(backend, fault, "allocating device memory",
               [&] { return allocate_device(out, size); });
}

void densq_cuda_free(const densq_backend *backend, void *memory) {
    if (memory) run(backend, nullptr, "freeing", [&] { return free_device(memory); });
}

densq_status densq_cuda_upload(const densq_backend *backend, void *device, const void *host,
                               size_t size, densq_fault *fault) {
    return run_copy(backend, device, host, size, fault,
                    [&] { return copy_to_device(device, host, size); });
}

densq_status densq_cuda_download(const densq_backend *backend, void *host, const void *device,
                                 size_t size, densq_fault *fault) {
    return run_copy(backend, host, device, size, fault,
                    [&] { return copy_to_host(host, device, size); });
}

densq_status densq_cuda_copy(const densq_backend *backend, void *to, const void *from, size_t size,
                             densq_fault *fault) {
    return run_copy(backend, to, from, size, fault, [&] { return copy_on_device(to, from, size); });
}

densq_status densq_cuda_synchronize(const densq_backend *backend, densq_fault *fault) {
    return run(backend, fault, "waiting for the device", [] { return synchronize(); });
}
