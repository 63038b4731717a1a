// SPDX-License-Identifier: MIT
// main.cpp - the command line.  Exit status: 0 done, 1 the data or the machine is at fault, 2 the
// command line is, 128 + n ended by signal n.
#include <cstdio>
#include <exception>

#include "commands.hpp"
#include "device.hpp"
#include "interrupt.hpp"

namespace densq::tool {
namespace {

std::string describe_version() {
    std::string text = "densq " + version_text() + ", backends:";
    for (const std::string &name : cpu_backends()) text += " " + name;
    return text;
}

int fail(const char *message, int status) {
    std::fprintf(stderr, "densq: %s\n", message);
    return status;
}

int run(int argc, char **argv) {
    CLI::App app("Dense-and-sparse quantization of language models (SqueezeLLM)");
    app.name("densq");
    app.set_version_flag("--version", describe_version());
    app.require_subcommand(1);
    add_quantize(app);
    add_info(app);
    add_verify(app);
    add_bench(app);
    add_selftest(app);
    try {
        app.parse(argc, argv);
        return std::fflush(stdout) == 0 ? 0 : fail("cannot write the output", 1);
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? 0 : 2;
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
