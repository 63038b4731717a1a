// SPDX-License-Identifier: MIT
// interrupt.hpp - Ctrl-C, SIGTERM and SIGHUP as exceptions, so that unfinished files are removed.
#pragma once

namespace densq::tool {

struct Interrupted {
    int signal;
};

// After this call the first signal is remembered; a second one ends the program at once.
void catch_interrupts();
// Throws Interrupted if a signal has come.
void check_interrupt();

}  // namespace densq::tool
