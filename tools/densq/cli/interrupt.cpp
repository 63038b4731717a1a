// SPDX-License-Identifier: MIT
#include "interrupt.hpp"

#include <csignal>

namespace densq::tool {
namespace {

volatile std::sig_atomic_t noted = 0;

}  // namespace

void catch_interrupts() {
    struct sigaction action = {};
    action.sa_handler = [](int signal) { noted = signal; };
    action.sa_flags = SA_RESETHAND | SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGHUP, &action, nullptr);
    // A full disk or file size limit is to be an error of write(), not a signal.
    std::signal(SIGXFSZ, SIG_IGN);
}

void check_interrupt() {
    if (noted) throw Interrupted{noted};
}

}  // namespace densq::tool
