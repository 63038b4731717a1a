// SPDX-License-Identifier: MIT
// main.cpp - densq-llama: a small LLaMA decoder that shows the library at work.  The command line,
// in the only file that includes CLI11, which takes long to compile.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace llama {
namespace {

class CommandLine {
public:
    CommandLine() : app("A small LLaMA decoder on densq files") {
        app.name("densq-llama");
        app.require_subcommand(1);
        add_generate();
        add_chat();
        add_speed();
        add_perplexity();
        add_check();
        add_test_commands();
    }

    int run(int argc, char **argv) {
        try {
            app.parse(argc, argv);
            return status;
        } catch (const CLI::ParseError &error) {
            return app.exit(error) == 0 ? 0 : 2;
        } catch (const std::exception &error) {
            std::fprintf(stderr, "densq-llama: %s\n", error.what());
            return 1;
        }
    }

private:
    CLI::App *add(const char *name, const char *what, int (*command)(const Options &)) {
        CLI::App *sub = app.add_subcommand(name, what);
        sub->callback([this, command] { status = command(options); });
        return sub;
    }

    void add_file(CLI::App *sub) {
        sub->add_option("FILE", options.file, "a densq file of a whole model")->required();
        sub->add_option("--threads", options.threads, "default: all CPUs");
        sub->add_option("--backend", options.backend,
                        "avx512, avx2, neon, scalar or cuda:N; default: the CPU's best");
        sub->add_option("--precision", options.precision, "of quantized layers")
            ->check(CLI::IsMember({"fast", "exact", "int8"}))
            ->capture_default_str();
    }

    void add_sampling(CLI::App *sub) {
        sub->add_option("--system", options.system, "system message of a chat");
        sub->add_option("--tokens", options.count, "most tokens to write")->capture_default_str();
        sub->add_option("--temperature", options.temperature, "0: always the likeliest token")
            ->capture_default_str();
        sub->add_option("--top-p", options.top_p, "choose among the likeliest of this probability")
            ->capture_default_str();
        sub->add_option("--seed", options.seed, "of the choice")->capture_default_str();
    }

    void add_generate() {
        CLI::App *sub = add("generate", "Write a text, or one answer", generate);
        add_file(sub);
        sub->add_option("--prompt", options.prompt, "how the text begins, or the message");
        sub->add_flag("--chat", options.chat, "the prompt is a message to a chat model");
        add_sampling(sub);
        sub->add_flag("--json", options.json, "text and speed as JSON");
    }

    void add_chat() {
        CLI::App *sub = add("chat", "Talk with a chat model, line by line", chat);
        add_file(sub);
        add_sampling(sub);
        sub->add_option("--context", options.context, "most tokens of the whole conversation")
            ->check(CLI::Range(16, 1 << 20))
            ->capture_default_str();
    }

    void add_speed() {
        CLI::App *sub = add("speed", "Measure prompt processing and generation", measure_speed);
        add_file(sub);
        sub->add_option("--prompt-tokens", options.prompt_count, "tokens in the prompt")
            ->check(CLI::Range(1, 1 << 20))
            ->capture_default_str();
        sub->add_option("--tokens", options.count, "tokens to generate")
            ->check(CLI::Range(1, 1 << 20))
            ->capture_default_str();
        sub->add_flag("--json", options.json, "as JSON");
    }

    void add_perplexity() {
        CLI::App *sub =
            add("perplexity", "Measure how well a text is predicted", measure_perplexity);
        add_file(sub);
        sub->add_option("--text", options.text_file, "a text file")->required();
        sub->add_option("--baseline", options.baseline, "a densq file to compare with");
        sub->add_option("--window", options.window, "tokens in a window")
            ->check(CLI::Range(2, 1 << 20))
            ->capture_default_str();
        sub->add_option("--windows", options.windows, "windows to take; default: all");
        sub->add_flag("--json", options.json, "as JSON");
    }

    void add_check() {
        CLI::App *sub = add("check", "Measure a precision's error on real activations", check);
        add_file(sub);
        sub->add_option("--text", options.text_file, "a text file")->required();
        sub->add_option("--window", options.window, "tokens to take")
            ->check(CLI::Range(1, 1 << 20))
            ->capture_default_str();
    }

    void add_test_commands() {
        CLI::App *logits = add("logits", "Print the logits of given tokens", print_logits);
        add_file(logits);
        logits->add_option("--tokens", options.tokens, "numbers, separated by commas")
            ->delimiter(',')
            ->required();
        logits->add_option("--window", options.window, "tokens taken at a time")
            ->check(CLI::Range(1, 1 << 20));
        CLI::App *words = add("tokenize", "Tokenize JSON strings, one a line", tokenize);
        words->add_option("--tokenizer", options.tokenizer, "a tokenizer.json")->required();
    }

    CLI::App app;
    Options options;
    int status = 0;
};

// A file must not be opened as a standard stream that the caller has closed, or what is printed
// would go into it.  In its place comes one that can only be used the other way, which fails.
void hold_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) < 0)
            static_cast<void>(open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

// Also what was written before now; fflush alone does not tell.
bool output_arrived() {
    std::cout.flush();
    return std::fflush(stdout) == 0 && !std::ferror(stdout);
}

}  // namespace
}  // namespace llama

int main(int argc, char **argv) {
    llama::hold_standard_streams();
    const int status = llama::CommandLine().run(argc, argv);
    if (status != 0 || llama::output_arrived()) return status;
    std::fputs("densq-llama: cannot write the output to stdout\n", stderr);
    return 1;
}
