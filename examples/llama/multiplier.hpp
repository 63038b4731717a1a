// SPDX-License-Identifier: MIT
// multiplier.hpp - multiplies quantized matrices by vectors in the host's memory, on whatever
// device the backend is.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "densq/densq.h"

namespace llama {

struct DestroyBackend {
    void operator()(densq_backend *backend) const { densq_backend_destroy(&backend); }
};
using Backend = std::unique_ptr<densq_backend, DestroyBackend>;

// Creates the backend of the options; Error if it cannot.
Backend create_backend(const densq_backend_options &options);

// A backend with the memory that a multiplication needs.  It does one multiplication at a time.
class Multiplier {
public:
    virtual ~Multiplier() = default;
    virtual const densq_backend *backend() const = 0;

    // y[count][rows] = x[count][cols] W^T for each product, in which y_stride is rows
    virtual void multiply(const std::vector<densq_product> &products, const float *x,
                          uint32_t count, uint32_t cols) = 0;
};

std::unique_ptr<Multiplier> make_cpu_multiplier(const densq_backend_options &options);

// A multiplier that uses a GPU.  Each multiplication copies x to the device and y back, because the
// CPU computes what lies between.  So it shows that GPUs work, but not how fast they are.  Error if
// this build has no CUDA.
std::unique_ptr<Multiplier> make_cuda_multiplier(const densq_backend_options &options);

// Makes one of these two, depending on the name in the options.
std::unique_ptr<Multiplier> make_multiplier(const densq_backend_options &options);

}  // namespace llama
