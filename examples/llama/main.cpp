// SPDX-License-Identifier: MIT
// main.cpp - densq-llama: a small LLaMA decoder that shows the library at work.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "chat.hpp"
#include "check.hpp"
#include "error.hpp"
#include "evaluate.hpp"
#include "session.hpp"

namespace llama {
namespace {

constexpr double kErrorLimit = 0x1p-10;  // of the fast precision, relative to sum |w x|

struct Options {
    std::string file, baseline, text_file, prompt, system, tokenizer, backend, precision = "fast";
    std::vector<Token> tokens;
    uint32_t count = 128, prompt_count = 128, context = 2048, window = 256, windows = 0,
             threads = 0;
    float temperature = 0.8f, top_p = 0.95f;
    uint64_t seed = 1;
    bool chat = false, json = false;
};

Session open_session(const Options &options, const std::string &file, uint32_t capacity) {
    return Session(file, options.backend, options.precision == "exact" ? DENSQ_EXACT : DENSQ_FAST,
                   options.threads, capacity);
}

std::string read_file(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(path + ": cannot open");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void print_json(const nlohmann::ordered_json &json) { std::printf("%s\n", json.dump(2).c_str()); }

nlohmann::ordered_json describe(const Speed &speed) {
    return {{"prompt_tokens", speed.prompt_tokens},
            {"prompt_tokens_per_second", speed.prompt_rate()},
            {"tokens", speed.tokens},
            {"tokens_per_second", speed.token_rate()}};
}

void print_speed(const Speed &speed) {
    std::fprintf(stderr,
                 "\nprompt: %zu tokens, %.0f tokens/s; generation: %zu tokens, %.0f tokens/s\n",
                 speed.prompt_tokens, speed.prompt_rate(), speed.tokens, speed.token_rate());
}

// The prompt's tokens; without any, the model's first end token, which separates texts.
std::vector<Token> encode_prompt(const Session &session, const Options &options) {
    std::string text = options.prompt;
    if (options.chat) {
        const ChatFormat format(session.weights.text("tokenizer_config.json"));
        text = format.begin(options.system) + format.turn(options.prompt);
    }
    std::vector<Token> tokens = session.tokenizer.encode(text);
    const std::vector<uint32_t> &ends = session.decoder.config.end_tokens;
    if (tokens.empty()) tokens.push_back(ends.empty() ? 0 : ends[0]);
    return tokens;
}

int generate(const Options &options) {
    // A token has at least a byte; the chat format adds less than this.
    const size_t most = options.prompt.size() + options.system.size() + 256;
    if (most > UINT32_MAX - options.count) throw Error("prompt and --tokens are too long");
    Session session =
        open_session(options, options.file, options.count + static_cast<uint32_t>(most));
    Sampler sampler(options.temperature, options.top_p, options.seed);
    const std::vector<Token> prompt = encode_prompt(session, options);
    const bool stream = !options.json;
    if (stream && !options.chat) std::cout << options.prompt << std::flush;
    std::string text;
    const Speed speed = write_text(&session, prompt, {options.count, true}, &sampler,
                                   [&](const std::string &bytes) {
                                       text += bytes;
                                       if (stream) std::cout << bytes << std::flush;
                                   });
    if (stream) {
        std::cout << std::endl;
        print_speed(speed);
        return 0;
    }
    nlohmann::ordered_json json = describe(speed);
    json["text"] = text;
    using Handler = nlohmann::json::error_handler_t;
    std::printf("%s\n", json.dump(2, ' ', false, Handler::replace).c_str());
    return 0;
}

// Answers what is typed, line by line.
int chat(const Options &options) {
    Session session = open_session(options, options.file, options.context);
    const ChatFormat format(session.weights.text("tokenizer_config.json"));
    const std::vector<Token> end = session.tokenizer.encode(format.end());
    Sampler sampler(options.temperature, options.top_p, options.seed);
    std::vector<Token> pending = session.tokenizer.encode(format.begin(options.system));
    std::cout << "> " << std::flush;
    for (std::string line; std::getline(std::cin, line); std::cout << "\n> " << std::flush) {
        const std::vector<Token> turn = session.tokenizer.encode(format.turn(line));
        pending.insert(pending.end(), turn.begin(), turn.end());
        Token last = 0;
        write_text(
            &session, pending, {options.count, true}, &sampler,
            [](const std::string &bytes) { std::cout << bytes << std::flush; }, &last);
        pending.assign(1, last);
        if (pending != end) pending.insert(pending.end(), end.begin(), end.end());
        const std::vector<Token> after = session.tokenizer.encode(format.after_end());
        pending.insert(pending.end(), after.begin(), after.end());
    }
    std::cout << std::endl;
    return 0;
}

// Processes a prompt; then, with an empty context again, generates the likeliest tokens.
int measure_speed(const Options &options) {
    Session session =
        open_session(options, options.file, std::max(options.count, options.prompt_count));
    Sampler sampler(0, 1, 1);
    const auto print = [](const std::string &) {};
    const std::vector<Token> prompt(options.prompt_count, 0);
    const Speed reading = write_text(&session, prompt, {0, false}, &sampler, print);
    session.decoder.restart();
    Speed speed = write_text(&session, {0}, {options.count, false}, &sampler, print);
    speed.prompt_tokens = reading.prompt_tokens;
    speed.prompt_seconds = reading.prompt_seconds;
    if (options.json)
        print_json(describe(speed));
    else
        std::printf("prompt: %.1f tokens/s; generation: %.1f tokens/s\n", speed.prompt_rate(),
                    speed.token_rate());
    return 0;
}

int perplexity(const Options &options) {
    Session model = open_session(options, options.file, options.window);
    std::unique_ptr<Session> baseline;
    if (!options.baseline.empty())
        baseline.reset(new Session(open_session(options, options.baseline, options.window)));
    const std::vector<Token> text = model.tokenizer.encode(read_file(options.text_file));
    const Quality quality = evaluate(&model.decoder, baseline ? &baseline->decoder : nullptr, text,
                                     options.window, options.windows);
    nlohmann::ordered_json json = {{"tokens", quality.tokens}, {"perplexity", quality.perplexity}};
    if (baseline) {
        json["kl_mean"] = quality.kl_mean;
        json["kl_p99"] = quality.kl_p99;
        json["top1_agreement"] = quality.top1_agreement;
    }
    json["tokens_per_second"] = quality.tokens_per_second;
    if (options.json) {
        print_json(json);
        return 0;
    }
    for (const auto &[key, value] : json.items())
        std::printf("%-18s %s\n", key.c_str(), value.dump().c_str());
    return 0;
}

int check(const Options &options) {
    std::vector<Token> tokens;
    {
        const Threads threads(1);
        const Weights weights(options.file, "", DENSQ_FAST, threads);
        tokens = Tokenizer(weights.text("tokenizer.json")).encode(read_file(options.text_file));
    }
    tokens.resize(std::min<size_t>(tokens.size(), options.window));
    if (tokens.empty()) throw Error(options.text_file + ": has no text");
    double worst = 0;
    for (const auto &[name, error] :
         check_precision(options.file, options.backend, tokens, options.threads)) {
        std::printf("%-45s 2^%.2f\n", name.c_str(), std::log2(error));
        worst = std::max(worst, error);
    }
    std::printf("largest |fast - exact| / sum |w x| over %zu tokens: 2^%.2f, allowed 2^-10\n",
                tokens.size(), std::log2(worst));
    return worst <= kErrorLimit ? 0 : 1;
}

// For tests: the logits of given tokens, one JSON array a line; appended in blocks of --window.
int print_logits(const Options &options) {
    const std::vector<Token> &tokens = options.tokens;
    Session model = open_session(options, options.file, static_cast<uint32_t>(tokens.size()));
    const uint32_t vocabulary = model.decoder.config.vocabulary;
    for (size_t at = 0; at < tokens.size(); at += options.window) {
        const auto block =
            static_cast<uint32_t>(std::min<size_t>(options.window, tokens.size() - at));
        std::vector<float> logits(static_cast<size_t>(block) * vocabulary);
        model.decoder.logits(model.decoder.append(tokens.data() + at, block), block, logits.data());
        for (auto row = logits.begin(); row != logits.end(); row += vocabulary) {
            const nlohmann::json json(std::vector<float>(row, row + vocabulary));
            std::printf("%s\n", json.dump().c_str());
        }
    }
    return 0;
}

// For tests: reads JSON strings, one a line, and writes their tokens as JSON arrays.
int tokenize(const Options &options) {
    const Tokenizer tokenizer(read_file(options.tokenizer));
    for (std::string line; std::getline(std::cin, line);) {
        const auto text = nlohmann::json::parse(line).get<std::string>();
        std::printf("%s\n", nlohmann::json(tokenizer.encode(text)).dump().c_str());
    }
    return 0;
}

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
            ->check(CLI::IsMember({"fast", "exact"}))
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
        CLI::App *sub = add("perplexity", "Measure how well a text is predicted", perplexity);
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
        CLI::App *sub =
            add("check", "Measure the fast precision's error on real activations", check);
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

}  // namespace
}  // namespace llama

int main(int argc, char **argv) { return llama::CommandLine().run(argc, argv); }
