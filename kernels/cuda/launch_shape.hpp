// SPDX-License-Identifier: MIT
// launch_shape.hpp - what device_words.hpp says alike to nvcc and to the host compiler.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace densq::device {

struct Dim {
    uint32_t x = 1, y = 1, z = 1;
};

struct LaunchShape {
    Dim grid = {};          // thread blocks
    uint32_t threads = 32;  // of a thread block
    uint32_t dynamic_shared_bytes = 0;
};

constexpr uint32_t kWarpThreads = 32;
constexpr uint32_t kAllLanes = 0xFFFFFFFFu;

// Keeps a parameter out of the deduction of T.
template <typename T>
struct Same {
    using type = T;
};

}  // namespace densq::device
