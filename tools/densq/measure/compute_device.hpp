// SPDX-License-Identifier: MIT
// compute_device.hpp - where backends compute and their operands lie: the CPU, or a GPU of
// densq/cuda.h.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/densq/format/handles.hpp"

namespace densq::tool {

// The vectors of a multiplication, in memory of the device: one every `stride` elements.
struct DeviceVectors {
    void *first;
    densq_dtype dtype;
    size_t stride;
};

// What multiplications are measured against.
struct PlainReading {
    std::function<void(size_t matrix)> read;
    std::string way;  // which of the ways was the fastest; empty: there is one only
};

// Where backends compute.  Functions throw their errors as exceptions.
class Device {
public:
    virtual ~Device() = default;

    virtual std::string description() const = 0;  // "NVIDIA L4, compute capability 8.9, ..."
    virtual uint64_t cache_bytes() const = 0;     // of the largest cache; 0: unknown
    virtual const densq_provider *provider() const = 0;
    virtual std::vector<densq_dtype> dtypes() const = 0;  // that operands may have
    virtual std::vector<densq_precision> precisions() const = 0;
    virtual bool uses_pool() const = 0;  // whether threads of the host compute

    // How many calls to time at once, so that waiting for the device counts little.
    virtual uint32_t calls_to_time() const = 0;

    virtual void *allocate(size_t bytes) = 0;
    virtual void release(void *memory) = 0;
    virtual void upload(void *to, const void *from, size_t bytes) = 0;
    virtual void download(void *to, const void *from, size_t bytes) = 0;

    // Like densq_matmul, for operands of several types.
    virtual void multiply(const densq_weights *weights, uint32_t batch, const DeviceVectors &x,
                          const DeviceVectors &y, void *workspace, size_t workspace_bytes) = 0;

    // Waits until all work that was started is done.
    virtual void finish() = 0;

    // What a multiplication is measured against: a call moves as many bytes as that one of
    // `matrices` has between memory and chip.  The CPU reads it, cut into `pieces` for the pool; a
    // GPU, which cannot without a kernel, copies half of as much memory over the other half.
    virtual PlainReading plain_reader(const std::vector<const uint8_t *> &matrices, size_t bytes,
                                      uint32_t pieces, densq_threads *pool) = 0;
};

// Memory of a device, which must outlive it.
class DeviceMemory {
public:
    DeviceMemory(Device &on, size_t bytes) : device(on), memory(on.allocate(bytes)) {}
    ~DeviceMemory() { device.release(memory); }
    DeviceMemory(const DeviceMemory &) = delete;
    DeviceMemory &operator=(const DeviceMemory &) = delete;

    void *data() const { return memory; }

private:
    Device &device;
    void *memory;
};

std::shared_ptr<Device> open_cpu();
// The device of the backend "cuda:N".  UsageError if this build has no CUDA.
std::shared_ptr<Device> open_cuda(const std::string &backend);
// The device that all these backends use.  UsageError if there are several.
std::shared_ptr<Device> open_device(const std::vector<std::string> &backends);

// The names that densq_backend_at gives.
std::vector<std::string> cpu_backends();

// Says what is wrong with the name of a backend on the command line; empty if nothing is.
std::string backend_problem(const std::string &name);

// Creates the provider's backend of this name, on the threads of a pool.
Backend create_backend(const densq_provider *provider, const std::string &name,
                       densq_precision precision, densq_threads *pool);

}  // namespace densq::tool
