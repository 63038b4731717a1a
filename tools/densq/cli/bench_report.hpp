// SPDX-License-Identifier: MIT
// bench_report.hpp - what densq bench has measured.
#pragma once
#include <string>
#include <vector>

#include "tools/densq/measure/matrix_speed.hpp"

namespace densq::tool {

// The results of one number of threads: plain reading first, then by batch, fastest first.
using BenchResults = std::vector<BenchResult>;

struct MatrixReport {
    std::string name;
    uint32_t rows, cols, bits, nnz;
    size_t bytes, copies;
    std::vector<BenchResults> results;  // for each number of threads
};

struct BenchReport {
    std::string device;
    bool on_cpu;
    uint32_t cpus;
    std::string pages;
    double load_average;  // when it began
    uint64_t cold_bytes;
    double seconds;
    std::vector<MatrixReport> matrices;
};

inline double gigabytes_per_second(const BenchResult &result) {
    return static_cast<double>(result.bytes) / result.median() * 1e-9;
}

}  // namespace densq::tool
