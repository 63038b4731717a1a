// SPDX-License-Identifier: MIT
#include "error.hpp"
#include "product.hpp"

namespace llama {

std::unique_ptr<Product> make_cuda_product(const densq_backend_options &options) {
    throw Error(std::string("--backend ") + options.name +
                ": this build has no CUDA (meson setup -Dcuda=enabled)");
}

}  // namespace llama
