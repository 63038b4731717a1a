// SPDX-License-Identifier: MIT
// matrix_speed.hpp - times matmul and plain reading of matrices side by side.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "matrix_image.hpp"
#include "compute_device.hpp"

namespace densq::tool {

struct BenchPlan {
    std::shared_ptr<Device> device = open_cpu();
    std::vector<std::string> backends;         // of the device
    const densq_provider *provider = nullptr;  // of the CPU's that densq_backend_at does not list
    std::vector<densq_precision> precisions;
    std::vector<uint32_t> threads, batches;
    double seconds = 1;       // measured per matrix and number of threads
    uint32_t attempts = 3;    // at most, while other processes disturb it
    uint64_t cold_bytes = 0;  // the copies of a matrix take at least this much; 0: one copy
    bool huge_pages = false;
};

// A product of another library, for comparison.  Each call takes the next copy of the matrix.
struct Peer {
    std::string name, library;
    uint32_t batch = 1;
    size_t bytes = 0;  // of one matrix
    std::function<void()> call;
};

struct BenchResult {
    std::string backend;                 // or a peer's name; empty: plain reading
    const MatrixImage *image = nullptr;  // NULL: a peer's
    size_t bytes = 0;                    // that one call reads
    densq_precision precision = DENSQ_FAST;
    uint32_t threads = 1, batch = 1;
    std::string way;               // of plain reading, see PlainReading
    std::optional<double> others;  // the share of the CPUs' time that other processes took
    std::vector<double> seconds;   // of each call (the mean of Device::calls_to_time), ascending

    double quantile(double q) const;
    double median() const { return quantile(0.5); }
};

// The number of copies of a matrix that together have at least `cold_bytes`; 1 if that is 0.
size_t copies_of(size_t matrix_bytes, uint64_t cold_bytes);
size_t copies_of(const MatrixImage &image, const BenchPlan &plan);

// Measures with one number of threads; the contestants take turns.  Returns, for each image, plain
// reading and a result for each backend, precision and batch of the plan; then the peers.  The
// contestants of one library take their turns together, because its threads may go on polling for a
// while.  The images must outlive the results.
std::vector<BenchResult> measure(const std::vector<const MatrixImage *> &images,
                                 const BenchPlan &plan, uint32_t threads,
                                 const std::vector<Peer> &peers = {});

}  // namespace densq::tool
