// SPDX-License-Identifier: MIT
// cmd_selftest.cpp - `densq selftest`: whether backends compute what they should on this machine.
#include <algorithm>
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "selftest.hpp"
#include "widths.hpp"

namespace densq::tool {
namespace {

struct Options {
    std::vector<std::string> backends;
    std::vector<uint32_t> bits = all_widths();
    bool quick = false, json = false;
};

std::string reason(const SelftestResult &result) {
    return result.comparison.wrong ? result.comparison.first_wrong
                                   : "other bits than in a larger batch";
}

nlohmann::json describe(const SelftestResult &result) {
    nlohmann::json json{{"backend", result.backend},
                        {"precision", precision_name(result.precision)},
                        {"rows", result.rows},
                        {"cols", result.cols},
                        {"bits", result.bits},
                        {"nnz", result.nnz},
                        {"nonzeros", result.nonzeros},
                        {"batch", result.batch},
                        {"x", dtype_name(result.x_dtype)},
                        {"y", dtype_name(result.y_dtype)},
                        {"passed", result.passed()},
                        {"wrong_outputs", result.comparison.wrong},
                        {"error_of_allowed", result.comparison.worst}};
    if (!result.passed()) json["reason"] = reason(result);
    return json;
}

void print_failure(const SelftestResult &result) {
    std::printf("  WRONG: %u bits, nonzeros: %s, batch %u, x %s, y %s, %s: %zu of %zu; %s\n",
                result.bits, result.nonzeros.c_str(), result.batch, dtype_name(result.x_dtype),
                dtype_name(result.y_dtype), precision_name(result.precision),
                result.comparison.wrong, result.comparison.outputs, reason(result).c_str());
}

// A line for each precision, and one for each product that is wrong.
void print_results(const std::vector<SelftestResult> &results) {
    for (const densq_precision precision : {DENSQ_FAST, DENSQ_EXACT}) {
        size_t products = 0, failed = 0;
        double worst = 0;
        for (const SelftestResult &result : results) {
            if (result.precision != precision) continue;
            ++products;
            failed += !result.passed();
            worst = std::max(worst, result.comparison.worst);
        }
        std::printf("%-8s %-6s %6u x %-6u %5zu products  %7.3f %s\n", results[0].backend.c_str(),
                    precision_name(precision), results[0].rows, results[0].cols, products, worst,
                    failed ? "FAILED" : "ok");
        for (const SelftestResult &result : results)
            if (result.precision == precision && !result.passed()) print_failure(result);
    }
    std::fflush(stdout);
}

void run_command(Options options) {
    if (options.backends.empty()) options.backends = cpu_backends();
    SelftestPlan plan{{}, options.bits, options.quick};
    nlohmann::json devices;
    for (const std::string &name : options.backends) {
        plan.backends.push_back({name, open_device({name})});
        devices[name] = plan.backends.back().device->description();
    }
    if (!options.json) {
        std::printf("densq %s\n", version_text().c_str());
        for (const auto &[name, description] : devices.items())
            std::printf("%s: %s\n", name.c_str(), description.get<std::string>().c_str());
        std::printf("\nbackend  precision      shape                    largest error / allowed\n");
    }
    size_t products = 0, failed = 0;
    nlohmann::json cases = nlohmann::json::array();
    run_selftest(plan, [&](const std::vector<SelftestResult> &results) {
        for (const SelftestResult &result : results) {
            ++products;
            failed += !result.passed();
            if (options.json) cases.push_back(describe(result));
        }
        if (!options.json) print_results(results);
    });
    if (options.json)
        std::printf("%s\n", nlohmann::json{{"version", version_text()},
                                           {"devices", devices},
                                           {"products", products},
                                           {"failed", failed},
                                           {"cases", cases}}
                                .dump(2)
                                .c_str());
    else
        std::printf("%zu products, %zu wrong: %s\n", products, failed, failed ? "FAILED" : "ok");
    if (failed) throw std::runtime_error("a backend computes wrong products");
}

}  // namespace

void add_selftest(CLI::App &app) {
    const auto options = std::make_shared<Options>();
    CLI::App *command =
        app.add_subcommand("selftest", "Multiply made-up matrices and compare with sums in double");
    command
        ->add_option("--backend", options->backends,
                     "Only these (default: all of the CPU); cuda:N for a GPU")
        ->delimiter(',')
        ->check(is_backend);
    command->add_option("--bits", options->bits, "Bits of the matrices")
        ->delimiter(',')
        ->check(CLI::IsMember(all_widths()))
        ->capture_default_str();
    command->add_flag("--quick", options->quick, "Small shapes only");
    command->add_flag("--json", options->json, "Print JSON, each product by itself");
    command->footer(
        "Errors are compared with the bounds of docs/precision.md and docs/cuda.md.  Exits\n"
        "with 1 if a product exceeds its bound, or has other bits in another batch.\n"
        "Worth pasting into a bug report.");
    command->callback([options] { run_command(*options); });
}

}  // namespace densq::tool
