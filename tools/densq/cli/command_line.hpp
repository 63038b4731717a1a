// SPDX-License-Identifier: MIT
// command_line.hpp - the options of densq and all its subcommands.
#pragma once

namespace densq::tool {

// Reads the command line and runs the subcommand, whose errors are exceptions.  Returns the exit
// status: 0 if it is done, 2 if the command line is wrong and a message about it was printed.
int run_command_line(int argc, char **argv);

}  // namespace densq::tool
