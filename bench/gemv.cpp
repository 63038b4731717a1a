// SPDX-License-Identifier: MIT
// gemv.cpp - densq-gemv: densq's products, plain reading of the same bytes, OpenBLAS and ggml, all
// in turns inside one run.  Prints JSON, of which gemv_report.py makes tables and a plot.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/peer.hpp"
#include "densq/openblas.h"
#include "tools/densq/format/widths.hpp"

namespace densq::bench {

namespace {

using nlohmann::ordered_json;

struct Options {
    std::vector<std::string> shapes{"4096x4096",  "11008x4096", "4096x11008",
                                    "14336x4096", "576x576",    "1536x576"};
    std::vector<uint32_t> batches{1, 2, 4, 8, 16, 32, 128, 512}, threads{1, 2};
    std::vector<uint32_t> bits = tool::widest_first();
    std::vector<double> nnz_percents{0, 0.45};
    std::vector<std::string> backends;
    std::vector<std::string> precisions{"fast"};
    double seconds = 10;
    uint64_t cold_bytes = uint64_t{192} << 20;
    bool warm = false;
};

std::string check_shape(const std::string &text) {
    return tool::parse_shape(text) ? "" : "'" + text + "' is not ROWSxCOLS";
}

std::vector<tool::MatrixImage> make_images(Shape shape, const Options &options) {
    const double weights = static_cast<double>(shape.rows) * shape.cols;
    std::vector<tool::MatrixImage> images;
    for (const uint32_t bits : options.bits)
        for (const double percent : options.nnz_percents)
            images.push_back(tool::make_matrix_image(
                shape.rows, shape.cols, bits, static_cast<uint32_t>(weights * percent / 100)));
    return images;
}

ordered_json describe(const tool::BenchResult &result, Shape shape, bool warm) {
    ordered_json json{{"rows", shape.rows},    {"cols", shape.cols}, {"threads", result.threads},
                      {"batch", result.batch}, {"warm", warm},       {"method", result.backend}};
    if (result.image) {
        json["bits"] = result.image->bits;
        json["nnz"] = result.image->nnz;
        if (result.backend.empty())
            json.update({{"method", "read"}, {"way", result.way}});
        else
            json["precision"] = tool::precision_name(result.precision);
    }
    if (result.others) json["others"] = *result.others;
    json["bytes"] = result.bytes;
    json["calls"] = result.seconds.size();
    json["microseconds"] = std::round(result.median() * 1e9) / 1e3;
    return json;
}

tool::BenchPlan plan_of(const Options &options) {
    tool::BenchPlan plan;
    plan.backends = options.backends;
    plan.provider = densq_openblas_provider();
    for (const std::string &precision : options.precisions)
        plan.precisions.push_back(tool::precision_named(precision));
    plan.batches = options.batches;
    plan.seconds = options.seconds;
    plan.cold_bytes = options.warm ? 0 : options.cold_bytes;
    return plan;
}

// A line for each result.
void print(const std::string &device, const std::vector<ordered_json> &results) {
    std::printf("{\"cpu\": %s, \"cpus\": %u, \"results\": [", ordered_json(device).dump().c_str(),
                std::thread::hardware_concurrency());
    for (size_t i = 0; i < results.size(); ++i)
        std::printf("%s\n%s", i ? "," : "", results[i].dump().c_str());
    std::printf("\n]}\n");
}

std::vector<ordered_json> run(const Options &options) {
    std::vector<ordered_json> results;
    for (const std::string &text : options.shapes) {
        const Shape shape = tool::parse_shape(text).value();
        const std::vector<tool::MatrixImage> images = make_images(shape, options);
        std::vector<const tool::MatrixImage *> pointers;
        pointers.reserve(images.size());
        for (const tool::MatrixImage &image : images) pointers.push_back(&image);
        for (const uint32_t threads : options.threads) {
            std::fprintf(stderr, "%s, %u threads\n", text.c_str(), threads);
            const tool::BenchPlan plan = plan_of(options);
            std::vector<tool::Peer> peers;
            add_openblas(shape, options.batches, threads, plan.cold_bytes, &peers);
#ifdef DENSQ_BENCH_GGML
            add_ggml(shape, options.batches, threads, plan.cold_bytes, &peers);
#endif
            for (const auto &result : tool::measure(pointers, plan, threads, peers))
                results.push_back(describe(result, shape, options.warm));
        }
    }
    return results;
}

int run_command_line(int argc, char **argv) {
    Options options;
    CLI::App app("densq beside plain reading, OpenBLAS and ggml, in turns; prints JSON");
    for (uint32_t i = 0; const char *name = densq_backend_at(i); ++i)
        if (std::string(name) != "scalar") options.backends.emplace_back(name);
    app.add_option("--shapes", options.shapes, "ROWSxCOLS ...")->delimiter(',')->check(check_shape);
    app.add_option("--batches", options.batches)->delimiter(',');
    app.add_option("--threads", options.threads)->delimiter(',');
    app.add_option("--bits", options.bits)->delimiter(',');
    app.add_option("--nnz", options.nnz_percents, "nonzeros, percent")->delimiter(',');
    app.add_option("--backends", options.backends, "of densq_backend_at or openblas.h")
        ->delimiter(',');
    app.add_option("--precisions", options.precisions)
        ->delimiter(',')
        ->check(CLI::IsMember(tool::precision_names()));
    app.add_option("--seconds", options.seconds, "for each shape and number of threads");
    app.add_option("--cold-bytes", options.cold_bytes, "copies of each matrix, in all");
    app.add_flag("--warm", options.warm, "one copy of each, which the caches may hold");
    CLI11_PARSE(app, argc, argv);
    print(tool::open_cpu()->description(), run(options));
    return 0;
}

}  // namespace
}  // namespace densq::bench

int main(int argc, char **argv) {
    try {
        return densq::bench::run_command_line(argc, argv);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "densq-gemv: %s\n", error.what());
        return 1;
    }
}
