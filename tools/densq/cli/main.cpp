// SPDX-License-Identifier: MIT
// main.cpp - the exit status: 0 means done, 1 that something is wrong with the data or the machine,
// 2 with the command line, 128 + n that signal n has ended the program.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <new>

#include "command_line.hpp"
#include "interrupt.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/mapped_file.hpp"

namespace densq::tool {
namespace {

int fail(const char *message, int status) {
    std::fprintf(stderr, "densq: %s\n", message);
    return status;
}

// A file must not be opened as a standard stream that the caller has closed, or what is printed
// would go into it.  In its place comes one that can only be used the other way, which fails.
void hold_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) < 0)
            static_cast<void>(open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

// Also what was written before now; fflush alone does not tell.
bool output_arrived() { return std::fflush(stdout) == 0 && !std::ferror(stdout); }

// Says what the exception in flight says.
int report(const char *interrupted_text) {
    try {
        throw;
    } catch (const UsageError &error) {
        return fail(error.what(), 2);
    } catch (const Interrupted &interrupted) {
        return fail(interrupted_text, 128 + interrupted.signal);
    } catch (const std::bad_alloc &) {
        return fail("out of memory", 1);
    } catch (const std::exception &error) {
        return fail(error.what(), 1);
    }
}

int report_unfinished(const Unfinished &unfinished) {
    try {
        std::rethrow_if_nested(unfinished);
        return fail(unfinished.what(), 1);
    } catch (...) {
        return fail(unfinished.what(), report("interrupted"));
    }
}

int run(int argc, char **argv) {
    catch_lost_pages();
    try {
        if (const int status = run_command_line(argc, argv)) return status;
        return output_arrived() ? 0 : fail("cannot write the output to stdout", 1);
    } catch (const Unfinished &unfinished) {
        return report_unfinished(unfinished);
    } catch (...) {
        return report("interrupted; no output was left");
    }
}

}  // namespace
}  // namespace densq::tool

int main(int argc, char **argv) {
    densq::tool::hold_standard_streams();
    return densq::tool::run(argc, argv);
}
