// SPDX-License-Identifier: MIT
// parallel.hpp - work on several threads.
#pragma once
#include <cstdint>
#include <functional>

namespace densq::tool {

// Calls work(index) for every index of [0, count), on up to `threads` threads.  If any throws, no
// further ones begin, and the exception of the lowest index is thrown: the same on every run.
void for_each_index(uint32_t count, uint32_t threads, const std::function<void(uint32_t)> &work);

}  // namespace densq::tool
