// SPDX-License-Identifier: MIT
// quantize_command.cpp - densq quantize: from weights and squared gradients to a densq file.
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
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
    if (!given.moments.empty()) options.moments = given.moments;
    options.output = given.output;
    options.plan = given.plan;
    options.layers = given.layers;
    options.quiet = given.quiet;
    options.resume = given.resume;
    options.threads = given.threads;
    return options;
}

void require_what_belongs_together(const QuantizeOptions &options) {
    const bool writes_plan = !options.plan.empty() && options.layers.empty();
    if (!options.layers.empty() && options.plan.empty())
        throw UsageError("--layers quantizes a part of a plan: say --plan FILE");
    if (options.model.empty() && (options.plan.empty() || writes_plan))
        throw UsageError("--model is missing");
    if (options.method == kMomentsMethod && options.moments.empty() && options.layers.empty())
        throw UsageError("--method moments needs --moments FILE");
    if (options.method == kFisherMethod && !options.moments.empty())
        throw UsageError("--method fisher does not use --moments; leave one of them out");
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
    std::fputs(plan_report(job.plan(), Directory(job.plan().file).file_bytes).c_str(), stdout);
    std::fflush(stdout);
}

void quantize_to_file(const QuantizeOptions &options, const OutputTarget &target,
                      const QuantizeJob &job) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::string> warnings;
    const auto add_all = [&](FileWriter *writer) {
        print_notices(job);
        if (!options.quiet) print_plan(job);
        warnings = job.add_all(writer);
    };
    prove_texts(job.plan().file);
    write_output(target, job.plan().file, {job.fingerprint(), options.resume}, add_all);
    for (const std::string &warning : warnings)
        std::fprintf(stderr, "densq: warning: %s\n", warning.c_str());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!options.quiet)
        std::printf("%s: %.1f MB, %.1f s\n", options.output.c_str(),
                    static_cast<double>(std::filesystem::file_size(target.path)) / 1e6,
                    seconds.count());
}

void quantize_part(const QuantizeOptions &given) {
    const Layers layers = parse_layers(given.layers);
    const StoredPlan stored = read_plan_file(given.plan);
    const QuantizeOptions options = with_plan(given, stored);
    const OutputTarget target(options.output);
    QuantizeJob job(options);
    job.take_part(stored, layers.begin, layers.end);
    quantize_to_file(options, target, job);
}

void write_plan(const QuantizeOptions &options) {
    const OutputTarget target(options.plan);
    QuantizeJob job(options);
    job.check_values();
    job.spend_budget();
    print_notices(job);
    if (!options.quiet) print_plan(job);
    write_plan_file(target, options, job.plan(), job.checksums());
    if (!options.quiet)
        std::printf("%s: a plan of %llu layers; quantize them with --plan and --layers FIRST:END\n",
                    options.plan.c_str(),
                    static_cast<unsigned long long>(count_layers(job.plan())));
}

}  // namespace

std::string chosen_method(const QuantizeOptions &options) {
    if (!options.method.empty()) return options.method;
    return options.moments.empty() ? kFisherMethod : kMomentsMethod;
}

void quantize_command(const QuantizeOptions &options) {
    catch_interrupts();
    require_what_belongs_together(options);
    if (!options.layers.empty()) return quantize_part(options);
    if (!options.plan.empty()) return write_plan(options);
    if (options.dry_run) {
        QuantizeJob job(options);
        if (job.has_budget()) job.check_values();
        job.spend_budget();
        print_notices(job);
        return print_plan(job);
    }
    const OutputTarget target(options.output);
    QuantizeJob job(options);
    require_room(target, Directory(job.plan().file).file_bytes);
    job.check_values();
    job.spend_budget();
    quantize_to_file(options, target, job);
}

}  // namespace densq::tool
