// SPDX-License-Identifier: MIT
// quantize_command.cpp - densq quantize: from weights and squared gradients to a densq file.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "interrupt.hpp"
#include "plan_report.hpp"
#include "quantize_job.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

struct Layers {
    uint64_t begin, end;
};

Layers parse_layers(const std::string &text) {
    Layers layers = {0, 0};
    int end = 0;
    if (std::sscanf(text.c_str(), "%9lu:%9lu%n", &layers.begin, &layers.end, &end) != 2 ||
        text[static_cast<size_t>(end)] != '\0')
        throw UsageError("--layers: '" + text + "' is not FIRST:END, like 0:8 for the first eight");
    return layers;
}

// What the plan says, and from the command line what may differ between the parts.
QuantizeOptions with_plan(const QuantizeOptions &given, const StoredPlan &stored) {
    QuantizeOptions options = stored.options;
    if (!given.model.empty()) options.model = given.model;
    if (!given.gradients.empty()) options.gradients = given.gradients;
    options.output = given.output;
    options.plan = given.plan;
    options.layers = given.layers;
    options.quiet = given.quiet;
    options.threads = given.threads;
    return options;
}

void require_what_belongs_together(const QuantizeOptions &options) {
    const bool writes_plan = !options.plan.empty() && options.layers.empty();
    if (!options.layers.empty() && options.plan.empty())
        throw UsageError("--layers quantizes a part of a plan: say --plan FILE");
    if (options.model.empty() && (options.plan.empty() || writes_plan))
        throw UsageError("--model is missing");
    if (options.output.empty() && !options.dry_run && !writes_plan)
        throw UsageError("--output is missing");
    if (!options.output.empty() && writes_plan)
        throw UsageError("--plan writes a plan and no densq file: leave --output out, or say with "
                         "--layers which part of the plan to quantize");
}

void print_notices(const QuantizeJob &job) {
    for (const std::string &notice : job.notices)
        std::fprintf(stderr, "densq: note: %s\n", notice.c_str());
}

void print_plan(const QuantizeJob &job) {
    std::fputs(plan_report(job.plan(), planned_bytes(job.plan().file)).c_str(), stdout);
    std::fflush(stdout);
}

void quantize_to_file(const QuantizeOptions &options, QuantizeJob *job) {
    const auto begin = std::chrono::steady_clock::now();
    print_notices(*job);
    if (!options.quiet) print_plan(*job);
    for (const std::string &warning : job->write())
        std::fprintf(stderr, "densq: warning: %s\n", warning.c_str());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!options.quiet)
        std::printf("%s: %.1f MB, %.1f s\n", options.output.c_str(),
                    static_cast<double>(std::filesystem::file_size(options.output)) / 1e6,
                    seconds.count());
}

void quantize_part(const QuantizeOptions &given) {
    const Layers layers = parse_layers(given.layers);
    const StoredPlan stored = read_plan_file(given.plan);
    const QuantizeOptions options = with_plan(given, stored);
    QuantizeJob job(options);
    job.take_part(stored, layers.begin, layers.end);
    quantize_to_file(options, &job);
}

}  // namespace

void quantize_command(const QuantizeOptions &options) {
    catch_interrupts();
    require_what_belongs_together(options);
    if (!options.layers.empty()) return quantize_part(options);
    QuantizeJob job(options);
    if (options.dry_run) {
        print_notices(job);
        return print_plan(job);
    }
    job.check_values();
    if (options.plan.empty()) return quantize_to_file(options, &job);
    print_notices(job);
    if (!options.quiet) print_plan(job);
    write_plan_file(options.plan, options, job.plan(), job.checksums());
    if (!options.quiet)
        std::printf("%s: a plan of %llu layers; quantize them with --plan and --layers FIRST:END\n",
                    options.plan.c_str(),
                    static_cast<unsigned long long>(count_layers(job.plan())));
}

}  // namespace densq::tool
