// SPDX-License-Identifier: MIT
// product.hpp - products of quantized matrices and vectors in the host's memory, on whatever device
// the backend is.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "densq/densq.h"

namespace llama {

struct DestroyBackend {
    void operator()(densq_backend *backend) const { densq_backend_destroy(&backend); }
};
using Backend = std::unique_ptr<densq_backend, DestroyBackend>;

// Creates the backend of the options; Error if it cannot.
Backend create_backend(const densq_backend_options &options);

// A backend with the memory of its products, which are made one at a time.
class Product {
public:
    virtual ~Product() = default;
    virtual const densq_backend *backend() const = 0;

    // y[count][rows] = x[count][cols] W^T
    virtual void multiply(const densq_weights *weights, const float *x, uint32_t count,
                          uint32_t cols, float *y, uint32_t rows) = 0;
};

std::unique_ptr<Product> make_cpu_product(const densq_backend_options &options);

// Of a GPU.  Each product copies x to the device and y back: the layers between the products run on
// the CPU, so this shows that GPUs work, not how fast they are.  Error if this build has no CUDA.
std::unique_ptr<Product> make_cuda_product(const densq_backend_options &options);

// By the options' name.
std::unique_ptr<Product> make_product(const densq_backend_options &options);

}  // namespace llama
