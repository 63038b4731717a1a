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

// Contestants for one shape and batch; what they refer to lives in `keep`.
struct Peers {
    std::vector<tool::Peer> peers;
    std::vector<std::shared_ptr<void>> keep;
};

// As many copies of a matrix as take `cold_bytes` in all, at least one.
size_t copies_for(size_t matrix_bytes, uint64_t cold_bytes);

// y = W x in F32: sgemv, or sgemm for a batch.
void add_openblas(Shape shape, uint32_t batch, uint32_t threads, uint64_t cold_bytes, Peers *to);

// ggml's types, in its CPU backend with a thread pool of its own; Q4_0 also repacked.
void add_ggml(Shape shape, uint32_t batch, uint32_t threads, uint64_t cold_bytes, Peers *to);

}  // namespace densq::bench
