// SPDX-License-Identifier: MIT
// interrupt.hpp - Ctrl-C, SIGTERM and SIGHUP as exceptions, so that what has been begun is cleared
// away.
#pragma once

namespace densq::tool {

struct Interrupted {
    int signal;
};

// From here on the signals are noted; a second one ends the program at once.
void catch_interrupts();
// Throws Interrupted if one has come.
void check_interrupt();

}  // namespace densq::tool
