// SPDX-License-Identifier: MIT
#include "multiplier.hpp"

#include <vector>

#include "error.hpp"

namespace llama {
namespace {

class CpuMultiplier : public Multiplier {
public:
    explicit CpuMultiplier(const densq_backend_options &options)
        : created(create_backend(options)) {}

    const densq_backend *backend() const override { return created.get(); }

    void multiply(const densq_weights *weights, const float *x, uint32_t count, uint32_t cols,
                  float *y, uint32_t rows) override {
        const size_t needed = densq_workspace_size(weights, count);
        if (workspace.size() < needed) workspace.resize(needed);
        const densq_status status =
            densq_matmul(weights, count, x, cols, y, rows, workspace.data(), workspace.size());
        if (status != DENSQ_OK) throw Error(densq_strerror(status));
    }

private:
    Backend created;
    std::vector<uint8_t> workspace;
};

}  // namespace

Backend create_backend(const densq_backend_options &options) {
    densq_backend *created = nullptr;
    densq_fault fault = {};
    if (densq_backend_create(&created, &options, &fault) != DENSQ_OK) throw Error(fault.text);
    return Backend(created);
}

std::unique_ptr<Multiplier> make_cpu_multiplier(const densq_backend_options &options) {
    return std::make_unique<CpuMultiplier>(options);
}

std::unique_ptr<Multiplier> make_multiplier(const densq_backend_options &options) {
    const std::string name = options.name ? options.name : "";
    const bool cuda = name == "cuda" || name.compare(0, 5, "cuda:") == 0;
    return cuda ? make_cuda_multiplier(options) : make_cpu_multiplier(options);
}

}  // namespace llama
