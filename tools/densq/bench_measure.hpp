// SPDX-License-Identifier: MIT
// bench_measure.hpp - times matmul and plain reading of one matrix side by side.
#pragma once
#include <string>
#include <vector>

#include "bench_image.hpp"
#include "densq/densq.h"

namespace densq::tool {

struct BenchPlan {
    std::vector<std::string> backends;
    std::vector<densq_precision> precisions;
    std::vector<uint32_t> threads, batches;
    double seconds = 1;        // measured per matrix and number of threads
    uint64_t cold_bytes = 0;   // the copies of a matrix take at least this much; 0: one copy
    bool huge_pages = false;
};

struct BenchResult {
    std::string backend;  // empty: plain reading
    densq_precision precision = DENSQ_FAST;
    uint32_t threads = 1, batch = 1;
    std::vector<double> seconds;  // of each call, ascending

    double quantile(double q) const;
    double median() const { return quantile(0.5); }
};

size_t copies_of(const MatrixImage &image, const BenchPlan &plan);

// All results of one number of threads: plain reading first, then one for each backend, precision
// and batch of the plan.
std::vector<BenchResult> measure(const MatrixImage &image, const BenchPlan &plan,
                                 uint32_t threads);

}  // namespace densq::tool
