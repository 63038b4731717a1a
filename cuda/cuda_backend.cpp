// SPDX-License-Identifier: MIT
// cuda_backend.cpp - densq_cuda_provider: finds a device by name, and puts matrices into its
// memory.
#include "cuda/cuda_backend.hpp"

#include <string.h>

#include "cuda/cuda_device.hpp"
#include "densq/cuda.h"
#include "kernels/cuda/packing.hpp"
#include "lib/base/fault.hpp"
#include "lib/base/name.hpp"

namespace densq::cuda {
namespace {

constexpr uint32_t kMaxDevices = 64;
constexpr uint32_t kOldestCompute = 75;

// The names are constants, because densq_backend_name promises static text.
struct Names {
    char text[kMaxDevices][8];
};

constexpr Names make_names() {
    Names names = {};
    for (uint32_t i = 0; i < kMaxDevices; ++i) {
        char *at = names.text[i];
        for (const char *c = "cuda:"; *c; ++c) *at++ = *c;
        if (i >= 10) *at++ = static_cast<char>('0' + i / 10);
        *at = static_cast<char>('0' + i % 10);
    }
    return names;
}

constexpr Names kNames = make_names();

densq_status find_device(const char *name, uint32_t *device, densq_fault *fault) {
    *device = 0;
    if (!name || !strcmp(name, "cuda")) return DENSQ_OK;
    for (; *device < kMaxDevices; ++*device)
        if (!strcmp(name, kNames.text[*device])) return DENSQ_OK;
    return fail(fault, DENSQ_ERR_NOT_FOUND, kNoOffset, "CUDA has no backend ", name_of(name),
                ": they are cuda:0 to cuda:", uint64_t{kMaxDevices - 1});
}

densq_status check_device(uint32_t device, densq_fault *fault) {
    uint32_t count = 0;
    const densq_status status = count_usable(&count, fault);
    if (status) return status;
    if (device >= count)
        return fail(fault, DENSQ_ERR_NOT_FOUND, kNoOffset, "there is no ", kNames.text[device],
                    ": CUDA shows this process ", static_cast<uint64_t>(count),
                    count == 1 ? " device" : " devices");
    DeviceProperties properties;
    if (const int error = get_properties(static_cast<int>(device), &properties))
        return check(error, fault, "asking for the device's properties");
    const uint64_t major = properties.compute_major, minor = properties.compute_minor;
    if (major * 10 + minor < kOldestCompute)
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset, kNames.text[device], " is ",
                    name_of(properties.name), " of compute capability ", major, ".", minor,
                    ": too old, 7.5 is needed");
    return DENSQ_OK;
}

// The kernels have two precisions, of which one is `exact`.
densq_status choose_precision(bool *exact, uint32_t precision, densq_fault *fault) {
    switch (precision) {
    case DENSQ_PRECISION_DEFAULT:
    case DENSQ_FAST: *exact = false; return DENSQ_OK;
    case DENSQ_EXACT: *exact = true; return DENSQ_OK;
    default:
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset,
                    "CUDA's backends have the precisions fast and exact, not number ",
                    uint64_t{precision}, " of densq_precision");
    }
}

void destroy(densq_backend *backend) {
    const Allocator allocator = backend->allocator;
    release(allocator, backend, sizeof(CudaBackend));
}

// Packs the matrix in host memory and copies it to the device.
densq_status upload(const CudaBackend &backend, const Matrix &matrix, void **memory,
                    densq_fault *fault) {
    const size_t size = packed_bytes(matrix);
    const OnDevice on_device(backend.device);
    if (on_device.error()) return check(on_device.error(), fault, "choosing the device");
    void *host = allocate(backend.allocator, size, 64);
    if (!host)
        return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory to bind the matrix, ",
                    static_cast<uint64_t>(size), " bytes");
    void *device = nullptr;
    densq_status status =
        check(allocate_device(&device, size), fault, "allocating device memory for the matrix");
    if (!status) {
        pack(matrix, host);
        status = check(copy_to_device(device, host, size), fault, "copying the matrix");
        if (status) free_device(device);
    }
    release(backend.allocator, host, size);
    if (!status) *memory = device;
    return status;
}

densq_status bind(densq_weights **out, const densq_backend *base, const MatrixInFile &in_file,
                  densq_fault *fault) {
    const auto *backend = static_cast<const CudaBackend *>(base);
    const Matrix &matrix = in_file.view;
    void *space = allocate(backend->allocator, sizeof(CudaWeights), alignof(CudaWeights));
    if (!space) return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory to bind the matrix");
    void *memory = nullptr;
    const densq_status status = upload(*backend, matrix, &memory, fault);
    if (status) {
        release(backend->allocator, space, sizeof(CudaWeights));
        return status;
    }
    auto *weights = static_cast<CudaWeights *>(space);
    *weights = {{backend, matrix.rows, matrix.cols}, view_packed(matrix, memory), memory};
    *out = weights;
    return DENSQ_OK;
}

void unbind(densq_weights *base) {
    auto *weights = static_cast<CudaWeights *>(base);
    const CudaBackend &backend = weights->cuda();
    {
        const OnDevice on_device(backend.device);
        free_device(weights->memory);  // it finds the device, as addresses are unique
    }
    release(backend.allocator, weights, sizeof(CudaWeights));
}

constexpr BackendOps kOps = {destroy, bind, unbind, workspace_size, matmul_on_default_stream};

densq_status create(densq_backend **out, const densq_backend_options &options,
                    const Allocator &allocator, densq_fault *fault) {
    uint32_t device = 0;
    densq_status status = find_device(options.name, &device, fault);
    bool exact = false;
    if (!status) status = choose_precision(&exact, options.precision, fault);
    if (!status) status = check_device(device, fault);
    if (status) return status;
    void *memory = allocate(allocator, sizeof(CudaBackend), alignof(CudaBackend));
    if (!memory) return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory for the backend");
    auto *backend = static_cast<CudaBackend *>(memory);
    *backend = {{&kOps, kNames.text[device], allocator}, static_cast<int>(device), exact};
    *out = backend;
    return DENSQ_OK;
}

constexpr densq_provider kProvider = {kVersion, create};

}  // namespace

const CudaBackend *as_cuda(const densq_backend *backend) {
    return backend && backend->ops == &kOps ? static_cast<const CudaBackend *>(backend) : nullptr;
}

const CudaWeights *as_cuda(const densq_weights *weights) {
    return weights && as_cuda(weights->backend) ? static_cast<const CudaWeights *>(weights)
                                                : nullptr;
}

}  // namespace densq::cuda

const densq_provider *densq_cuda_provider(void) { return &densq::cuda::kProvider; }
