// SPDX-License-Identifier: MIT
// peer.hpp - products of other libraries for gemv.cpp to time.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/densq/bench_measure.hpp"

namespace densq::bench {

struct Shape {
    uint32_t rows, cols;
};

// As many copies of a matrix as take `cold_bytes` in all, at least one.
size_t copies_for(size_t matrix_bytes, uint64_t cold_bytes);

// Adds contestants for one shape, a number of threads and all batches: y = W x in F32: sgemv, or sgemm for a batch.
void add_openblas(Shape shape, const std::vector<uint32_t> &batches, uint32_t threads,
                  uint64_t cold_bytes, std::vector<tool::Peer> *to);

// ggml's types, in its CPU backend with a thread pool of its own; Q4_0 also repacked.
void add_ggml(Shape shape, const std::vector<uint32_t> &batches, uint32_t threads,
              uint64_t cold_bytes, std::vector<tool::Peer> *to);

}  // namespace densq::bench
