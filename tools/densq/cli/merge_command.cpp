// SPDX-License-Identifier: MIT
// merge_command.cpp - densq merge: the parts that densq quantize --layers made, as one file.
#include <cstdio>

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress_bar.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/merge_parts.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

void refuse_overwriting_part(const MergeOptions &options) {
    std::error_code ignored;
    for (const std::string &part : options.parts)
        if (fs::equivalent(part, options.output, ignored))
            throw UsageError("the output " + options.output + " is one of the parts");
}

}  // namespace

void merge_command(const MergeOptions &options) {
    catch_interrupts();
    const OutputTarget target(options.output);
    refuse_overwriting_part(options);
    const PartsToMerge parts({options.parts.begin(), options.parts.end()});
    write_output(target, parts.plan, {parts.fingerprint, options.resume}, [&](FileWriter *writer) {
        ProgressBar progress(parts.bytes, options.quiet);
        progress.begin(options.output);
        parts.copy_to(writer, [&](uint64_t bytes) {
            check_interrupt();
            progress.add(bytes);
        });
    });
    if (!options.quiet)
        std::printf("%s: %zu matrices and %zu plain tensors of %zu parts, %.1f MB\n",
                    options.output.c_str(), parts.plan.matrices.size(), parts.plan.tensors.size(),
                    options.parts.size(), static_cast<double>(fs::file_size(options.output)) / 1e6);
}

}  // namespace densq::tool
