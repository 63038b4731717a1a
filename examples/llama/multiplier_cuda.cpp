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

    void multiply(const densq_weights *weights, const float *x, uint32_t count, uint32_t cols,
                  float *y, uint32_t rows) override {
        const size_t x_bytes = sizeof(float) * count * cols, y_bytes = sizeof(float) * count * rows;
        const size_t workspace_bytes = densq_workspace_size(weights, count);
        auto *in = static_cast<float *>(x_buffer.reserve(x_bytes));
        auto *out = static_cast<float *>(y_buffer.reserve(y_bytes));
        void *workspace = workspace_buffer.reserve(workspace_bytes);
        densq_fault fault = {};
        require(densq_cuda_upload(backend(), in, x, x_bytes, &fault), fault);
        require(densq_cuda_matmul(weights, count, in, DENSQ_F32, cols, out, DENSQ_F32, rows,
                                  workspace, workspace_bytes, nullptr, &fault),
                fault);
        require(densq_cuda_download(backend(), y, out, y_bytes, &fault), fault);
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
