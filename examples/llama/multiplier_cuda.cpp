// SPDX-License-Identifier: MIT
#include "densq/cuda.h"
#include "error.hpp"
#include "multiplier.hpp"

namespace llama {
namespace {

void require(densq_status status, const densq_fault &fault) {
    if (status != DENSQ_OK) throw Error(fault.text);
}

// Memory of the device that grows, which throws away what was in it.
class Buffer {
public:
    explicit Buffer(const densq_backend *of) : backend(of) {}
    ~Buffer() { densq_cuda_free(backend, memory); }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;

    void *reserve(size_t needed) {
        if (needed <= size) return memory;
        densq_cuda_free(backend, memory);
        size = 0;
        densq_fault fault = {};
        require(densq_cuda_alloc(backend, &memory, needed, &fault), fault);
        size = needed;
        return memory;
    }

private:
    const densq_backend *backend;
    void *memory = nullptr;
    size_t size = 0;
};

densq_backend_options with_provider(densq_backend_options options) {
    options.provider = densq_cuda_provider();
    return options;
}

class CudaMultiplier : public Multiplier {
public:
    explicit CudaMultiplier(const densq_backend_options &options)
        : created(create_backend(with_provider(options))) {}

    const densq_backend *backend() const override { return created.get(); }

    void multiply(const std::vector<densq_product> &products, const float *x, uint32_t count,
                  uint32_t cols) override {
        const auto number = static_cast<uint32_t>(products.size());
        const size_t x_bytes = sizeof(float) * count * cols;
        const size_t workspace_bytes =
            densq_workspace_size_shared(products.data(), number, count, DENSQ_F32, DENSQ_F32);
        size_t y_floats = 0;
        for (const densq_product &product : products) y_floats += count * product.y_stride;
        auto *in = static_cast<float *>(x_buffer.reserve(x_bytes));
        auto *out = static_cast<float *>(y_buffer.reserve(sizeof(float) * y_floats));
        void *workspace = workspace_buffer.reserve(workspace_bytes);
        std::vector<densq_product> on_device = products;
        for (densq_product &product : on_device) {
            product.y = out;
            out += count * product.y_stride;
        }
        densq_fault fault = {};
        require(densq_cuda_upload(backend(), in, x, x_bytes, &fault), fault);
        require(densq_matmul_shared(on_device.data(), number, count, in, DENSQ_F32, cols, DENSQ_F32,
                                    workspace, workspace_bytes, &fault),
                fault);
        for (size_t i = 0; i < products.size(); ++i)
            require(densq_cuda_download(backend(), products[i].y, on_device[i].y,
                                        sizeof(float) * count * products[i].y_stride, &fault),
                    fault);
    }

private:
    Backend created;
    Buffer x_buffer{created.get()}, y_buffer{created.get()}, workspace_buffer{created.get()};
};

}  // namespace

std::unique_ptr<Multiplier> make_cuda_multiplier(const densq_backend_options &options) {
    return std::make_unique<CudaMultiplier>(options);
}

}  // namespace llama
