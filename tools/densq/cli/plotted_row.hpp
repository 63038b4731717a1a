// SPDX-License-Identifier: MIT
// plotted_row.hpp - reads a row of a matrix beside the same row of the original model.
#pragma once
#include "commands.hpp"
#include "info_plot.hpp"

namespace densq::tool {

PlottedRow read_plotted_row(const densq_file *file, const InfoOptions &options);

}  // namespace densq::tool
