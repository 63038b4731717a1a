// SPDX-License-Identifier: MIT
// selftest_command.cpp - densq selftest: whether backends compute what they should on this machine.
#include <algorithm>
#include <cstdio>
#include <map>

#include "commands.hpp"
#include "json_reports.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/measure/selftest.hpp"

namespace densq::tool {
namespace {

void print_failure(const SelftestResult &result) {
    std::printf("  WRONG: %u bits, nonzeros: %s, batch %u, x %s, y %s, %s: %zu of %zu; %s\n",
                result.bits, result.nonzeros.c_str(), result.batch, dtype_name(result.x_dtype),
                dtype_name(result.y_dtype), precision_name(result.precision),
                result.comparison.wrong, result.comparison.outputs, result.reason().c_str());
}

// Prints a line for each precision, and one for each product that is wrong.
void print_results(const std::vector<SelftestResult> &results) {
    for (const auto &[name, precision] : kPrecisions) {
        size_t products = 0, failed = 0;
        double worst = 0;
        for (const SelftestResult &result : results) {
            if (result.precision != precision) continue;
            ++products;
            failed += !result.passed();
            worst = std::max(worst, result.comparison.worst);
        }
        if (products == 0) continue;  // this backend does not have it
        std::printf("%-8s %-6s %6u x %-6u %5zu products  %7.3f %s\n", results[0].backend.c_str(),
                    name, results[0].rows, results[0].cols, products, worst,
                    failed ? "FAILED" : "ok");
        for (const SelftestResult &result : results)
            if (result.precision == precision && !result.passed()) print_failure(result);
    }
    std::fflush(stdout);
}

void print_devices(const std::map<std::string, std::string> &devices) {
    std::printf("densq %s\n", version_text().c_str());
    for (const auto &[name, description] : devices)
        std::printf("%s: %s\n", name.c_str(), description.c_str());
    std::printf("\nbackend  precision      shape                    largest error / allowed\n");
}

}  // namespace

void selftest_command(const SelftestOptions &options) {
    SelftestPlan plan{{}, options.bits, options.quick};
    std::map<std::string, std::string> devices;
    for (const std::string &name : options.backends.empty() ? cpu_backends() : options.backends) {
        plan.backends.push_back({name, open_device({name})});
        devices[name] = plan.backends.back().device->description();
    }
    if (!options.json) print_devices(devices);
    std::vector<SelftestResult> all;
    run_selftest(plan, [&](const std::vector<SelftestResult> &results) {
        all.insert(all.end(), results.begin(), results.end());
        if (!options.json) print_results(results);
    });
    const auto failed = std::count_if(
        all.begin(), all.end(), [](const SelftestResult &result) { return !result.passed(); });
    if (options.json)
        std::printf("%s\n", selftest_json(devices, all).c_str());
    else
        std::printf("%zu products, %zu wrong: %s\n", all.size(), static_cast<size_t>(failed),
                    failed ? "FAILED" : "ok");
    if (failed) throw std::runtime_error("a backend computes wrong products");
}

}  // namespace densq::tool
