// SPDX-License-Identifier: MIT
#include <algorithm>

#include "densq/cuda.h"
#include "compute_device.hpp"

namespace densq::tool {
namespace {

std::string cuda_version_text(uint32_t version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

densq_cuda_device get_device(const std::string &backend) {
    densq_cuda_device device{};
    device.struct_size = sizeof device;
    densq_fault fault{};
    const auto index = static_cast<uint32_t>(std::stoul(backend.substr(backend.find(':') + 1)));
    require(densq_cuda_get_device(index, &device, &fault), fault);
    return device;
}

class Gpu : public Device {
public:
    explicit Gpu(const std::string &name)
        : backend(create_backend(densq_cuda_provider(), name, DENSQ_FAST, nullptr)),
          properties(get_device(densq_backend_name(backend.get()))) {}

    std::string description() const override {
        return std::string(properties.name) + ", compute capability " +
               std::to_string(properties.compute_major) + "." +
               std::to_string(properties.compute_minor) + ", " +
               std::to_string(properties.multiprocessors) + " multiprocessors, " +
               std::to_string(properties.memory_bytes >> 20) + " MiB, L2 " +
               std::to_string(properties.l2_bytes >> 20) + " MiB; driver for CUDA " +
               cuda_version_text(properties.driver_version) + ", runtime " +
               cuda_version_text(properties.runtime_version);
    }

    uint64_t cache_bytes() const override { return properties.l2_bytes; }
    const densq_provider *provider() const override { return densq_cuda_provider(); }
    std::vector<densq_dtype> dtypes() const override { return {DENSQ_F32, DENSQ_F16, DENSQ_BF16}; }
    std::vector<densq_precision> precisions() const override { return {DENSQ_FAST, DENSQ_EXACT}; }
    bool uses_pool() const override { return false; }
    uint32_t calls_to_time() const override { return 32; }

    void *allocate(size_t bytes) override {
        void *memory = nullptr;
        densq_fault fault{};
        require(densq_cuda_alloc(backend.get(), &memory, bytes, &fault), fault);
        return memory;
    }
    void release(void *memory) override { densq_cuda_free(backend.get(), memory); }
    void upload(void *to, const void *from, size_t bytes) override {
        densq_fault fault{};
        require(densq_cuda_upload(backend.get(), to, from, bytes, &fault), fault);
    }
    void download(void *to, const void *from, size_t bytes) override {
        densq_fault fault{};
        require(densq_cuda_download(backend.get(), to, from, bytes, &fault), fault);
    }

    void multiply(const densq_weights *weights, uint32_t batch, const DeviceVectors &x,
                  const DeviceVectors &y, void *workspace, size_t workspace_bytes) override {
        densq_fault fault{};
        require(densq_cuda_matmul(weights, batch, x.first, x.dtype, x.stride, y.first, y.dtype,
                                  y.stride, workspace, workspace_bytes, nullptr, &fault),
                fault);
    }

    void finish() override {
        densq_fault fault{};
        require(densq_cuda_synchronize(backend.get(), &fault), fault);
    }

    PlainReading plain_reader(const std::vector<const uint8_t *> &matrices, size_t bytes, uint32_t,
                              densq_threads *) override {
        const size_t half = std::max<size_t>(1, bytes / 2);
        const auto memory = std::make_shared<DeviceMemory>(*this, matrices.size() * 2 * half);
        return {[this, memory, half](size_t matrix) {
                    uint8_t *at = static_cast<uint8_t *>(memory->data()) + matrix * 2 * half;
                    densq_fault fault{};
                    require(densq_cuda_copy(backend.get(), at + half, at, half, &fault), fault);
                },
                ""};
    }

private:
    Backend backend;
    densq_cuda_device properties;
};

}  // namespace

std::shared_ptr<Device> open_cuda(const std::string &backend) {
    return std::make_shared<Gpu>(backend);
}

}  // namespace densq::tool
