// SPDX-License-Identifier: MIT
// peer.hpp - products of other libraries for gemv.cpp to time.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/densq/measure/matrix_speed.hpp"

namespace densq::bench {

using tool::Shape;

// Both add contestants for one shape, a number of threads and all batches.

// y = W x in F32: sgemv, or sgemm for a batch.
void add_openblas(Shape shape, const std::vector<uint32_t> &batches, uint32_t threads,
                  uint64_t cold_bytes, std::vector<tool::Peer> *to);

// ggml's types, in its CPU backend with a thread pool of its own; also repacked, where it
// does that.
void add_ggml(Shape shape, const std::vector<uint32_t> &batches, uint32_t threads,
              uint64_t cold_bytes, std::vector<tool::Peer> *to);

}  // namespace densq::bench
