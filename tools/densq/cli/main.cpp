// SPDX-License-Identifier: MIT
// main.cpp - the exit status: 0 means done, 1 that something is wrong with the data or the machine,
// 2 with the command line, 128 + n that signal n has ended the program.
#include <cstdio>
#include <exception>
#include <new>

#include "command_line.hpp"
#include "interrupt.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

int fail(const char *message, int status) {
    std::fprintf(stderr, "densq: %s\n", message);
    return status;
}

int run(int argc, char **argv) {
    try {
        if (const int status = run_command_line(argc, argv)) return status;
        // A write that failed before the last one is remembered by ferror alone.
        const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
        return written ? 0 : fail("cannot write the output", 1);
    } catch (const UsageError &error) {
        return fail(error.what(), 2);
    } catch (const Interrupted &interrupted) {
        return fail("interrupted; no output was left", 128 + interrupted.signal);
    } catch (const std::bad_alloc &) {
        return fail("out of memory", 1);
    } catch (const std::exception &error) {
        return fail(error.what(), 1);
    }
}

}  // namespace
}  // namespace densq::tool

int main(int argc, char **argv) { return densq::tool::run(argc, argv); }
