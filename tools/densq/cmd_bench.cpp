// SPDX-License-Identifier: MIT
// cmd_bench.cpp - `densq bench`: the speed of every backend beside plain reading of the same bytes.
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include "bench_image.hpp"
#include "bench_measure.hpp"
#include "commands.hpp"
#include "densq/format.h"
#include "entries.hpp"
#include "safetensors.hpp"
#include "widths.hpp"

namespace densq::tool {
namespace {

struct Options {
    std::string file, pattern = "*", precision = "both";
    std::vector<std::string> shapes;
    double nnz_percent = 0.45;
    std::vector<std::string> nonzeros{"even"};
    std::vector<uint32_t> bits = widest_first();
    bool warm = false, json = false;
    BenchPlan plan;
};

const std::map<std::string, Nonzeros> kNonzeros = {{"even", Nonzeros::kEven},
                                                   {"full-rows", Nonzeros::kFullRows},
                                                   {"full-columns", Nonzeros::kFullColumns}};

// More than any cache holds: what one round over the copies leaves in it is gone by the next.
uint64_t default_cold_bytes(const Device &device) {
    return std::max(uint64_t{512} << 20, 4 * device.cache_bytes());
}

// Pages decide how far the hardware's prefetchers run, so results name them.
std::string page_kind(const BenchPlan &plan) {
    std::string modes, mode = "unknown";
    std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), modes);
    if (const size_t begin = modes.find('['), end = modes.find(']'); end != std::string::npos)
        mode = modes.substr(begin + 1, end - begin - 1);
    return std::string(plan.huge_pages ? "huge" : "default") + " pages (system setting: " + mode +
           ")";
}

nlohmann::json describe_run(const BenchPlan &plan) {
    return {{plan.device->uses_pool() ? "cpu" : "device", plan.device->description()},
            {"cpus", std::thread::hardware_concurrency()},
            {"pages", page_kind(plan)},
            {"cold_bytes", plan.cold_bytes},
            {"seconds", plan.seconds}};
}

void print_run(const BenchPlan &plan) {
    const std::string device = plan.device->description();
    if (plan.device->uses_pool())
        std::printf("%s, %u CPUs, %s\n", device.c_str(), std::thread::hardware_concurrency(),
                    page_kind(plan).c_str());
    else
        std::printf("%s\nread: a copy on the device that moves as many bytes; times are means of "
                    "%u calls\n",
                    device.c_str(), plan.device->calls_to_time());
}

double gigabytes_per_second(const MatrixImage &image, const BenchResult &result) {
    return static_cast<double>(image.end - image.begin) / result.median() * 1e-9;
}

nlohmann::json describe_result(const MatrixImage &image, const BenchResult &result,
                               const BenchResult &read) {
    nlohmann::json json{{"threads", result.threads},
                        {"calls", result.seconds.size()},
                        {"gb_per_s", gigabytes_per_second(image, result)}};
    if (result.backend.empty()) {
        json["backend"] = "read";
    } else {
        json["backend"] = result.backend;
        json["precision"] = precision_name(result.precision);
        json["batch"] = result.batch;
        json["read_gb_per_s"] = gigabytes_per_second(image, read);
        json["share_of_read"] = read.median() / result.median();
    }
    const std::pair<const char *, double> quantiles[] = {
        {"min", 0}, {"p10", 0.1}, {"p25", 0.25}, {"median", 0.5}, {"p75", 0.75}, {"p90", 0.9}};
    for (const auto &[name, q] : quantiles) json["microseconds"][name] = result.quantile(q) * 1e6;
    return json;
}

void print_matrix(const MatrixImage &image, const BenchPlan &plan) {
    const double weights = static_cast<double>(image.rows) * image.cols;
    std::printf("\n%s: %u x %u, %u bits, %u nonzeros (%.2f %%), %.2f MB, %zu %s\n",
                image.name.c_str(), image.rows, image.cols, image.bits, image.nnz,
                100 * image.nnz / weights, static_cast<double>(image.end - image.begin) * 1e-6,
                copies_of(image, plan), plan.cold_bytes ? "copies in turn" : "copy, in the cache");
    std::printf("%7s %6s  %-8s %-9s %10s %7s %7s %8s %10s %8s\n", "threads", "batch", "backend",
                "precision", "us", "spread", "calls", "GB/s", "read GB/s", "of read");
}

void print_result(const MatrixImage &image, const BenchResult &result, const BenchResult &read) {
    const double spread = (result.quantile(0.75) - result.quantile(0.25)) / result.median();
    const bool is_read = result.backend.empty();
    std::printf("%7u %6s  %-8s %-9s %10.1f %6.1f%% %7zu %8.2f", result.threads,
                is_read ? "" : std::to_string(result.batch).c_str(),
                is_read ? "read" : result.backend.c_str(),
                is_read ? "" : precision_name(result.precision), result.median() * 1e6,
                100 * spread, result.seconds.size(), gigabytes_per_second(image, result));
    if (!is_read)
        std::printf(" %10.2f %7.1f%%", gigabytes_per_second(image, read),
                    100 * read.median() / result.median());
    std::printf("\n");
}

// Plain reading first, then by batch, fastest first.
void sort_results(std::vector<BenchResult> &results) {
    std::sort(results.begin() + 1, results.end(), [](const BenchResult &a, const BenchResult &b) {
        return a.batch != b.batch ? a.batch < b.batch : a.median() < b.median();
    });
}

nlohmann::json bench_matrix(const MatrixImage &image, const Options &options) {
    nlohmann::json json{{"name", image.name},
                        {"rows", image.rows},
                        {"cols", image.cols},
                        {"bits", image.bits},
                        {"nnz", image.nnz},
                        {"bytes", image.end - image.begin},
                        {"copies", copies_of(image, options.plan)}};
    if (!options.json) print_matrix(image, options.plan);
    for (uint32_t threads : options.plan.threads) {
        std::vector<BenchResult> results = measure({&image}, options.plan, threads);
        sort_results(results);
        for (const BenchResult &result : results) {
            json["results"].push_back(describe_result(image, result, results[0]));
            if (!options.json) print_result(image, result, results[0]);
        }
        std::fflush(stdout);
    }
    return json;
}

nlohmann::json bench_synthetic(const Options &options, const std::vector<Shape> &shapes) {
    nlohmann::json matrices = nlohmann::json::array();
    for (const Shape &shape : shapes) {
        const double weights = static_cast<double>(shape.rows) * shape.cols;
        const double nnz = std::round(weights * options.nnz_percent / 100);
        if (nnz > DENSQ_MAX_NNZ) throw UsageError("--nnz: more nonzeros than a file can hold");
        for (uint32_t bits : options.bits) {
            for (const std::string &nonzeros : options.nonzeros) {
                MatrixImage image =
                    make_matrix_image(shape.rows, shape.cols, bits, static_cast<uint32_t>(nnz),
                                      kNonzeros.at(nonzeros));
                if (nonzeros != "even") image.name += ", nonzeros in " + nonzeros;
                matrices.push_back(bench_matrix(image, options));
            }
        }
    }
    return matrices;
}

nlohmann::json bench_file(const Options &options) {
    const File file = open_file(options.file, 0);
    const std::vector<MatrixEntry> entries = list_matrices(file.get());
    nlohmann::json matrices = nlohmann::json::array();
    for (uint32_t i = 0; i < entries.size(); ++i)
        if (fnmatch(options.pattern.c_str(), entries[i].name.c_str(), 0) == 0)
            matrices.push_back(bench_matrix(read_matrix_image(options.file, i), options));
    if (matrices.empty())
        throw DataError(options.file + ": no quantized matrix matches '" + options.pattern + "'");
    return matrices;
}

std::string without_percent_sign(std::string text) {
    if (!text.empty() && text.back() == '%') text.pop_back();
    return text;
}

// Turns what was left to its default into what this machine has.
void complete(BenchPlan &plan, const Options &options) {
    if (plan.backends.empty()) plan.backends = cpu_backends();
    plan.device = open_device(plan.backends);
    if (!plan.device->uses_pool()) plan.threads = {1};
    if (plan.threads.empty()) {
        plan.threads = {1};
        if (const uint32_t cpus = std::thread::hardware_concurrency(); cpus > 1)
            plan.threads.push_back(cpus);
    }
    if (plan.batches.empty()) plan.batches = {1};
    if (options.precision != "exact") plan.precisions.push_back(DENSQ_FAST);
    if (options.precision != "fast") plan.precisions.push_back(DENSQ_EXACT);
    if (options.warm)
        plan.cold_bytes = 0;
    else if (plan.cold_bytes == 0)
        plan.cold_bytes = default_cold_bytes(*plan.device);
}

void run_bench(Options options) {
    if (options.file.empty() == options.shapes.empty())
        throw UsageError("give either FILE or --synthetic");
    std::vector<Shape> shapes;
    for (const std::string &text : options.shapes) {
        const std::optional<Shape> shape = parse_shape(text);
        if (!shape) throw UsageError("--synthetic: '" + text + "' is not ROWSxCOLS");
        shapes.push_back(*shape);
    }
    complete(options.plan, options);
    nlohmann::json run = describe_run(options.plan);
    if (!options.json) print_run(options.plan);
    run["matrices"] = options.file.empty() ? bench_synthetic(options, shapes) : bench_file(options);
    if (options.json) std::printf("%s\n", run.dump(2).c_str());
}

}  // namespace

void add_bench(CLI::App &app) {
    const auto options = std::make_shared<Options>();
    BenchPlan &plan = options->plan;
    CLI::App *command =
        app.add_subcommand("bench", "Measure every backend beside plain reading of the same bytes");
    const auto list = [](CLI::Option *option) {  // "1,2" or the option again; spares FILE
        return option->delimiter(',')->allow_extra_args(false);
    };
    command->add_option("FILE", options->file, "densq file")->check(CLI::ExistingFile);
    command->add_option("--matrix", options->pattern, "Only matrices of FILE with such a name")
        ->type_name("PATTERN");
    list(command->add_option("--synthetic", options->shapes, "Random matrices instead of FILE"))
        ->type_name("ROWSxCOLS");
    list(command->add_option("--bits", options->bits, "Bits of the random matrices"))
        ->check(CLI::IsMember(all_widths()))
        ->capture_default_str();
    command->add_option("--nnz", options->nnz_percent, "Nonzeros of the random matrices, percent")
        ->transform(without_percent_sign)
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    list(command->add_option("--nonzeros", options->nonzeros,
                             "Where random matrices have them: even, full-rows, full-columns"))
        ->check(CLI::IsMember(kNonzeros))
        ->capture_default_str();
    list(command->add_option("--backend", plan.backends,
                             "CPU backends (default: all usable), or one GPU"))
        ->check(is_backend);
    command->add_option("--precision", options->precision, "Precision of the dense part")
        ->check(CLI::IsMember({"fast", "exact", "both"}))
        ->capture_default_str();
    list(command->add_option("--threads", plan.threads, "Threads (default: 1 and all CPUs)"))
        ->check(CLI::Range(1, 1024));
    list(command->add_option("--batch", plan.batches, "Activation vectors per call (default: 1)"))
        ->check(CLI::Range(1, 65536));
    command->add_option("--seconds", plan.seconds, "Measured per matrix and number of threads")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    const auto cold = command->add_option(
        "--cold-bytes", plan.cold_bytes,
        "Take turns on copies of this size in all (default: 4 times the L3 cache, >= 512 MiB)");
    cold->transform(CLI::AsSizeValue(false))->type_name("SIZE");
    command->add_flag("--warm", options->warm, "One copy, so that it stays in the cache")
        ->excludes(cold);
    command->add_flag("--huge-pages", plan.huge_pages, "Keep the copies in huge pages");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options] { run_bench(*options); });
}

}  // namespace densq::tool
