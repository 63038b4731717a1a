// SPDX-License-Identifier: MIT
// commands.hpp - the subcommands of densq; each adds itself to the command line.  They report what
// is wrong with the user's data by DataError, with the command line by UsageError.
#pragma once
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

namespace densq::tool {

struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void add_quantize(CLI::App &app);
void add_info(CLI::App &app);
void add_verify(CLI::App &app);
void add_bench(CLI::App &app);
void add_selftest(CLI::App &app);

}  // namespace densq::tool
