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

namespace densq::tool {

// The metadata entry densq.options.
std::string options_json(const QuantizeOptions &options);

std::string contents_json(const FileFacts &facts);

std::string bench_json(const BenchReport &report);

// `devices`: their descriptions, by backend.
std::string selftest_json(const std::map<std::string, std::string> &devices,
                          const std::vector<SelftestResult> &results);

}  // namespace densq::tool
