// SPDX-License-Identifier: MIT
// bench_command.cpp - densq bench: the speed of every backend beside plain reading of the same
// bytes.
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>

#include "bench_report.hpp"
#include "commands.hpp"
#include "tools/densq/measure/other_work.hpp"
#include "densq/format.h"
#include "json_reports.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/file_contents.hpp"
#include "tools/densq/format/shape.hpp"

namespace densq::tool {
namespace {

// More than any cache holds, so that no copy is still there when its turn comes again.
uint64_t default_cold_bytes(const Device &device) {
    return std::max(uint64_t{512} << 20, 4 * device.cache_bytes());
}

// How far the prefetchers of the hardware run depends on the pages, so results name them.
std::string page_kind(const BenchPlan &plan) {
    std::string modes, mode = "unknown";
    std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), modes);
    if (const size_t begin = modes.find('['), end = modes.find(']'); end != std::string::npos)
        mode = modes.substr(begin + 1, end - begin - 1);
    return std::string(plan.huge_pages ? "huge" : "default") + " pages (system setting: " + mode +
           ")";
}

// Of the last minute; 0 where the system does not say it.
double load_average() {
    double average = 0;
    return getloadavg(&average, 1) == 1 ? average : 0;
}

void print_run(const BenchPlan &plan) {
    const std::string device = plan.device->description();
    if (plan.device->uses_pool())
        std::printf("%s, %u CPUs, %s, load average %.2f\n", device.c_str(),
                    std::thread::hardware_concurrency(), page_kind(plan).c_str(), load_average());
    else
        std::printf("%s\nread: a copy on the device that moves as many bytes; times are means of "
                    "%u calls\n",
                    device.c_str(), plan.device->calls_to_time());
}

void print_matrix(const MatrixReport &matrix, bool cold) {
    const double weights = static_cast<double>(matrix.rows) * matrix.cols;
    std::printf("\n%s: %u x %u, %u bits, %u nonzeros (%.2f %%), %.2f MB, %zu %s\n",
                matrix.name.c_str(), matrix.rows, matrix.cols, matrix.bits, matrix.nnz,
                100 * matrix.nnz / weights, static_cast<double>(matrix.bytes) * 1e-6, matrix.copies,
                cold ? "copies in turn" : "copy, in the cache");
    std::printf("%7s %6s  %-8s %-9s %10s %7s %7s %8s %10s %8s\n", "threads", "batch", "backend",
                "precision", "us", "spread", "calls", "GB/s", "read GB/s", "of read");
}

void print_result(const BenchResult &result, const BenchResult &read) {
    const double spread = (result.quantile(0.75) - result.quantile(0.25)) / result.median();
    const bool is_read = result.backend.empty();
    std::printf("%7u %6s  %-8s %-9s %10.1f %6.1f%% %7zu %8.2f", result.threads,
                is_read ? "" : std::to_string(result.batch).c_str(),
                is_read ? "read" : result.backend.c_str(),
                is_read ? "" : precision_name(result.precision), result.median() * 1e6,
                100 * spread, result.seconds.size(), gigabytes_per_second(result));
    if (!is_read)
        std::printf(" %10.2f %7.1f%%", gigabytes_per_second(read),
                    100 * read.median() / result.median());
    else if (!result.way.empty())
        std::printf("   %s", result.way.c_str());
    if (result.others > kDisturbing)
        std::printf("  DISTURBED: others took %.0f %%", 100 * *result.others);
    std::printf("\n");
}

// Plain reading first, then by batch, fastest first.
void sort_results(BenchResults &results) {
    std::sort(results.begin() + 1, results.end(), [](const BenchResult &a, const BenchResult &b) {
        return a.batch != b.batch ? a.batch < b.batch : a.median() < b.median();
    });
}

class Bench {
public:
    explicit Bench(const BenchOptions &options_) : options(options_), plan(make_plan(options)) {
        report = {plan.device->description(),
                  plan.device->uses_pool(),
                  std::thread::hardware_concurrency(),
                  page_kind(plan),
                  load_average(),
                  plan.cold_bytes,
                  plan.seconds,
                  {}};
        if (!options.json) print_run(plan);
    }

    void run_synthetic(const std::vector<Shape> &shapes) {
        for (const Shape &shape : shapes) {
            const double weights = static_cast<double>(shape.rows) * shape.cols;
            const double nnz = std::round(weights * options.nnz_percent / 100);
            if (nnz > DENSQ_MAX_NNZ) throw UsageError("--nnz: more nonzeros than a file can hold");
            for (const uint32_t bits : options.bits)
                for (const std::string &nonzeros : options.nonzeros) {
                    MatrixImage image =
                        make_matrix_image(shape.rows, shape.cols, bits, static_cast<uint32_t>(nnz),
                                          nonzero_placements().at(nonzeros));
                    if (nonzeros != "even") image.name += ", nonzeros in " + nonzeros;
                    run_matrix(image);
                }
        }
    }

    void run_file() {
        const File file = open_file(options.file, 0);
        const std::vector<MatrixEntry> entries = list_matrices(file.get());
        for (uint32_t i = 0; i < entries.size(); ++i)
            if (fnmatch(options.pattern.c_str(), entries[i].name.c_str(), 0) == 0)
                run_matrix(read_matrix_image(options.file, i));
        if (report.matrices.empty())
            throw DataError(options.file + ": no quantized matrix matches '" + options.pattern +
                            "'");
    }

    BenchReport report;

private:
    // Options that were not given get the values of this machine.
    static BenchPlan make_plan(const BenchOptions &options) {
        BenchPlan plan;
        plan.backends = options.backends.empty() ? cpu_backends() : options.backends;
        plan.device = open_device(plan.backends);
        plan.threads = options.threads;
        if (!plan.device->uses_pool()) plan.threads = {1};
        if (plan.threads.empty()) {
            plan.threads = {1};
            if (const uint32_t cpus = std::thread::hardware_concurrency(); cpus > 1)
                plan.threads.push_back(cpus);
        }
        plan.batches = options.batches.empty() ? std::vector<uint32_t>{1} : options.batches;
        for (const std::string &name : options.precisions)
            plan.precisions.push_back(precision_named(name));
        if (plan.precisions.empty()) plan.precisions = plan.device->precisions();
        plan.seconds = options.seconds;
        plan.attempts = options.attempts;
        plan.huge_pages = options.huge_pages;
        if (!options.warm)
            plan.cold_bytes =
                options.cold_bytes ? options.cold_bytes : default_cold_bytes(*plan.device);
        return plan;
    }

    void run_matrix(const MatrixImage &image) {
        report.matrices.push_back({image.name,
                                   image.rows,
                                   image.cols,
                                   image.bits,
                                   image.nnz,
                                   image.end - image.begin,
                                   copies_of(image, plan),
                                   {}});
        MatrixReport &matrix = report.matrices.back();
        if (!options.json) print_matrix(matrix, plan.cold_bytes != 0);
        for (const uint32_t threads : plan.threads) {
            BenchResults results = measure({&image}, plan, threads);
            sort_results(results);
            for (BenchResult &result : results) {
                if (!options.json) print_result(result, results[0]);
                result.image = nullptr;  // which goes
            }
            std::fflush(stdout);
            matrix.results.push_back(std::move(results));
        }
    }

    const BenchOptions &options;
    const BenchPlan plan;
};

}  // namespace

void bench_command(const BenchOptions &options) {
    if (options.file.empty() == options.shapes.empty())
        throw UsageError("give either FILE or --synthetic");
    std::vector<Shape> shapes;
    for (const std::string &text : options.shapes) {
        const std::optional<Shape> shape = parse_shape(text);
        if (!shape) throw UsageError("--synthetic: '" + text + "' is not ROWSxCOLS");
        shapes.push_back(*shape);
    }
    Bench bench(options);
    if (options.file.empty())
        bench.run_synthetic(shapes);
    else
        bench.run_file();
    if (options.json) std::printf("%s\n", bench_json(bench.report).c_str());
}

}  // namespace densq::tool
