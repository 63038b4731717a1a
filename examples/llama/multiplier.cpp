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

    void multiply(const std::vector<densq_product> &products, const float *x, uint32_t count,
                  uint32_t cols) override {
        const auto number = static_cast<uint32_t>(products.size());
        const size_t needed =
            densq_workspace_size_shared(products.data(), number, count, DENSQ_F32, DENSQ_F32);
        if (workspace.size() < needed) workspace.resize(needed);
        densq_fault fault = {};
        if (densq_matmul_shared(products.data(), number, count, x, DENSQ_F32, cols, DENSQ_F32,
                                workspace.data(), workspace.size(), &fault) != DENSQ_OK)
            throw Error(fault.text);
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
