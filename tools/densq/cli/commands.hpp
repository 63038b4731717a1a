// SPDX-License-Identifier: MIT
// commands.hpp - the subcommands of densq and their options, without the command line.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tools/densq/format/widths.hpp"

namespace densq::tool {

struct QuantizeOptions {
    std::string model, gradients, moments, output;
    std::string method;  // empty: "moments" if there are any, else "fisher"
    std::string select;  // of the sparse part; empty: the method's own
    std::string budget;  // bits a weight in the mean; empty: `bits` for all matrices
    uint32_t bits = 4;
    std::string outliers = "0.40%", sensitive = "0.05%";
    std::vector<std::string> include, exclude, drop, bits_for;
    std::string expert_layout;  // "out-in", "in-out"; empty: by the model
    std::string plan, layers;   // a plan to write, or to take layers "FIRST:END" of
    bool unweighted = false, dry_run = false, quiet = false, resume = false;
    uint32_t threads = 0;  // 0: all cores
};

struct MergeOptions {
    std::vector<std::string> parts;
    std::string output;
    bool resume = false, quiet = false;
};

struct InfoOptions {
    std::string file;
    std::string metadata;       // a key, whose value is printed alone
    std::string plot;           // an SVG file to write
    std::string model, matrix;  // for the plot: the original checkpoint; which matrix of it
    uint32_t row = 0;
    bool all = false, json = false;
};

struct ExportOptions {
    std::string file, folder;
    std::string dtype;  // empty: plain tensors keep theirs, matrices get the config's
    uint64_t shard_size = 5'000'000'000;
    bool quiet = false;
};

struct BenchOptions {
    std::string file, pattern = "*";
    std::vector<std::string> precisions;
    std::vector<std::string> shapes;  // instead of a file
    std::vector<uint32_t> bits = widest_first();
    double nnz_percent = 0.45;
    std::vector<std::string> nonzeros{"even"};
    std::vector<std::string> backends;       // empty: all of the CPU
    std::vector<uint32_t> threads, batches;  // empty: 1 and all CPUs; 1
    double seconds = 1;
    uint32_t attempts = 3;
    uint64_t cold_bytes = 0;  // 0: more than the caches hold
    bool warm = false, huge_pages = false, json = false;
};

struct SelftestOptions {
    std::vector<std::string> backends;  // empty: all of the CPU
    std::vector<uint32_t> bits = all_widths();
    bool quick = false, json = false;
};

// The method of `options`, said or by default.
std::string chosen_method(const QuantizeOptions &options);

void quantize_command(const QuantizeOptions &options);
void merge_command(const MergeOptions &options);
void info_command(const InfoOptions &options);
void export_command(const ExportOptions &options);
void verify_command(const std::string &file);
void bench_command(const BenchOptions &options);
void selftest_command(const SelftestOptions &options);

}  // namespace densq::tool
