// SPDX-License-Identifier: MIT
#include "tools/densq/errors.hpp"
#include "compute_device.hpp"

namespace densq::tool {

std::shared_ptr<Device> open_cuda(const std::string &backend) {
    throw UsageError("--backend " + backend +
                     ": this build has no CUDA (meson setup -Dcuda=enabled)");
}

}  // namespace densq::tool
