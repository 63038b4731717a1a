// SPDX-License-Identifier: MIT
// command_line.hpp - the options of densq and all its subcommands.
#pragma once

namespace densq::tool {

// Reads the command line and runs the subcommand; what goes wrong there is an exception.  Returns
// the exit status: 0 done, 2 the command line is at fault, which has been said.
int run_command_line(int argc, char **argv);

}  // namespace densq::tool
