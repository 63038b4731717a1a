// SPDX-License-Identifier: MIT
#include "error.hpp"
#include "multiplier.hpp"

namespace llama {

std::unique_ptr<Multiplier> make_cuda_multiplier(const densq_backend_options &options) {
    throw Error(std::string("--backend ") + options.name +
                ": this build has no CUDA (meson setup -Dcuda=enabled)");
}

}  // namespace llama
