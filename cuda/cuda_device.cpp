// SPDX-License-Identifier: MIT
#include "cuda/cuda_device.hpp"

#include <string.h>

#include "densq/cuda.h"
#include "lib/base/caller_struct.hpp"
#include "lib/base/fault.hpp"

namespace densq {

DENSQ_CALLER_STRUCT(densq_cuda_device, runtime_version, runtime_version);

}

namespace densq::cuda {
namespace {

densq_error status_of(int error) {
    switch (error) {
    case kErrorMemory: return DENSQ_ERR_MEMORY;
    case kErrorInsufficientDriver:
    case kErrorNoDevice:
    case kErrorNoKernelImage: return DENSQ_ERR_UNSUPPORTED;
    default: return DENSQ_ERR_DEVICE;
    }
}

}  // namespace

densq_status check(int error, densq_fault *fault, const char *doing) {
    if (!error) return DENSQ_OK;
    return fail(fault, status_of(error), kNoOffset, doing, ": ", error_text(error), " (",
                error_name(error), ")");
}

densq_status count_usable(uint32_t *count, densq_fault *fault) {
    int devices = 0;
    const int error = count_devices(&devices);
    if (error == kErrorInsufficientDriver) {
        const auto version = static_cast<uint64_t>(runtime_version());
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset,
                    "no NVIDIA driver, or one too old: this build needs one for CUDA ",
                    version / 1000, ".", version % 1000 / 10);
    }
    if (error == kErrorNoDevice || (!error && devices == 0))
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset, "this machine has no CUDA device");
    *count = static_cast<uint32_t>(devices);
    return check(error, fault, "looking for devices");
}

}  // namespace densq::cuda

using namespace densq;

densq_status densq_cuda_count(uint32_t *count, densq_fault *fault) {
    if (!count) return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "count is NULL");
    *count = 0;
    return cuda::count_usable(count, fault);
}

densq_status densq_cuda_get_device(uint32_t index, densq_cuda_device *out, densq_fault *fault) {
    if (!out) return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "out is NULL");
    densq_status status = check_output(out, fault);
    if (status) return status;
    write_struct(out, densq_cuda_device{});
    uint32_t count = 0;
    status = cuda::count_usable(&count, fault);
    if (status) return status;
    if (index >= count)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "device ", static_cast<uint64_t>(index),
                    " of a machine with ", static_cast<uint64_t>(count));
    cuda::DeviceProperties properties;
    if (const int error = cuda::get_properties(static_cast<int>(index), &properties))
        return cuda::check(error, fault, "asking for the device's properties");
    densq_cuda_device device = {};
    static_assert(sizeof device.name == sizeof properties.name);
    memcpy(device.name, properties.name, sizeof device.name);
    device.compute_major = properties.compute_major;
    device.compute_minor = properties.compute_minor;
    device.multiprocessors = properties.multiprocessors;
    device.memory_bytes = properties.memory_bytes;
    device.l2_bytes = properties.l2_bytes;
    device.driver_version = static_cast<uint32_t>(cuda::driver_version());
    device.runtime_version = static_cast<uint32_t>(cuda::runtime_version());
    write_struct(out, device);
    return DENSQ_OK;
}
