// SPDX-License-Identifier: MIT
// json_reports.hpp - what the commands print and store as JSON.  The only file of this folder that
// knows the JSON library, which takes long to compile.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "bench_report.hpp"
#include "commands.hpp"
#include "file_facts.hpp"
#include "tools/densq/measure/selftest.hpp"
#include "tools/densq/quantize/model_plan.hpp"

namespace densq::tool {

// The metadata entries densq.options, densq.choice and densq.slices; the last is empty if there are
// no stacks.
std::string options_json(const QuantizeOptions &options);
std::string choice_json(const ModelPlan &plan);
std::string slices_json(const ModelPlan &plan, const Checkpoint &model);

std::string contents_json(const FileFacts &facts);

std::string bench_json(const BenchReport &report);

// `devices`: their descriptions, by backend.
std::string selftest_json(const std::map<std::string, std::string> &devices,
                          const std::vector<SelftestResult> &results);

}  // namespace densq::tool
