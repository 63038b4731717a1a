// SPDX-License-Identifier: MIT
// plan_report.hpp - what quantize will do, as text.
#pragma once
#include <string>

#include "tools/densq/quantize/model_plan.hpp"

namespace densq::tool {

// What is quantized, what stays plain, what is left out, and why, at most 80 columns wide.
std::string plan_report(const ModelPlan &plan, uint64_t file_bytes);

const char *fate_name(Fate fate);

}  // namespace densq::tool
