// SPDX-License-Identifier: MIT
// main.cpp - densq-llama: a small LLaMA decoder that shows the library at work.
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "decoder.hpp"
#include "error.hpp"
#include "evaluate.hpp"
#include "sampler.hpp"

namespace llama {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kPromptBlock = 256;   // tokens of a prompt taken at a time
constexpr double kErrorLimit = 0x1p-10;  // of the fast precision, relative to sum |w x|

struct Options {
    std::string file, baseline, text_file, prompt, tokenizer, backend, precision = "fast";
    std::vector<Token> tokens;
    uint32_t count = 128, window = 256, windows = 0, threads = 0;
    float temperature = 0.8f, top_p = 0.95f;
    uint64_t seed = 1;
    bool json = false;
};

// A file with the decoder and tokenizer made from it.
struct Model {
    Model(const std::string &path, const Options &options, uint32_t capacity)
        : threads(options.threads),
          weights(path, options.backend,
                  options.precision == "exact" ? DENSQ_EXACT : DENSQ_FAST, threads),
          tokenizer(weights.text("tokenizer.json")), decoder(weights, capacity) {
        openblas_set_num_threads(static_cast<int>(threads.count()));
    }

    Threads threads;
    Weights weights;
    Tokenizer tokenizer;
    Decoder decoder;
};

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string read_file(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(path + ": cannot open");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void print_json(const nlohmann::ordered_json &json) { std::printf("%s\n", json.dump(2).c_str()); }

// Appends tokens block by block; returns the logits after the last.
std::vector<float> append_prompt(Decoder *decoder, const std::vector<Token> &tokens) {
    const float *hidden = nullptr;
    uint32_t block = 0;
    for (size_t at = 0; at < tokens.size(); at += block) {
        block = static_cast<uint32_t>(std::min<size_t>(kPromptBlock, tokens.size() - at));
        hidden = decoder->append(tokens.data() + at, block);
    }
    std::vector<float> logits(decoder->config.vocabulary);
    decoder->logits(hidden + static_cast<size_t>(block - 1) * decoder->config.hidden, 1,
                    logits.data());
    return logits;
}

struct Speed {
    size_t prompt_tokens = 0, tokens = 0;
    double prompt_seconds = 0, seconds = 0;

    static double rate(size_t count, double time) {
        return time > 0 ? static_cast<double>(count) / time : 0;
    }
    nlohmann::ordered_json json() const {
        return {{"prompt_tokens", prompt_tokens},
                {"prompt_tokens_per_second", rate(prompt_tokens, prompt_seconds)},
                {"tokens", tokens},
                {"tokens_per_second", rate(tokens, seconds)}};
    }
};

// Lets the model write up to `count` tokens after the prompt; `print` gets each one's bytes.
template <typename Print>
Speed write_text(Model *model, const std::vector<Token> &prompt, uint32_t count, Sampler *sampler,
                 bool stop_at_end, Print print) {
    const std::vector<uint32_t> &ends = model->decoder.config.end_tokens;
    Speed speed;
    auto begin = Clock::now();
    std::vector<float> logits = append_prompt(&model->decoder, prompt);
    speed.prompt_tokens = prompt.size();
    speed.prompt_seconds = seconds_since(begin);
    begin = Clock::now();
    while (speed.tokens < count) {
        const Token token = sampler->choose(logits);
        ++speed.tokens;
        if (stop_at_end && std::find(ends.begin(), ends.end(), token) != ends.end()) break;
        print(model->tokenizer.bytes_of(token));
        if (speed.tokens < count)
            model->decoder.logits(model->decoder.append(&token, 1), 1, logits.data());
    }
    speed.seconds = seconds_since(begin);
    return speed;
}

// The prompt's tokens; without any, the model's first end token, which separates texts.
std::vector<Token> encode_prompt(const Tokenizer &tokenizer, const Config &config,
                                 const std::string &prompt) {
    std::vector<Token> tokens = tokenizer.encode(prompt);
    if (tokens.empty()) tokens.push_back(config.end_tokens.empty() ? 0 : config.end_tokens[0]);
    return tokens;
}

int generate(const Options &options) {
    const uint32_t most_prompt = static_cast<uint32_t>(options.prompt.size()) + 1;
    Model model(options.file, options, options.count + most_prompt);
    Sampler sampler(options.temperature, options.top_p, options.seed);
    const std::vector<Token> prompt =
        encode_prompt(model.tokenizer, model.decoder.config, options.prompt);
    if (!options.json) std::cout << options.prompt << std::flush;
    std::string text;
    const Speed speed = write_text(&model, prompt, options.count, &sampler, true,
                                   [&](const std::string &bytes) {
                                       text += bytes;
                                       if (!options.json) std::cout << bytes << std::flush;
                                   });
    if (options.json) {
        nlohmann::ordered_json json = speed.json();
        json["text"] = text;
        std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
        std::cout << std::endl;
        std::fprintf(stderr, "\nprompt: %zu tokens, %.0f tokens/s; generation: %zu tokens, %.0f tokens/s\n",
                     speed.prompt_tokens, Speed::rate(speed.prompt_tokens, speed.prompt_seconds),
                     speed.tokens, Speed::rate(speed.tokens, speed.seconds));
    }
    return 0;
}

// Generates without printing, the likeliest tokens after a prompt of one.
int measure_speed(const Options &options) {
    Model model(options.file, options, options.count + 1);
    Sampler sampler(0, 1, 1);
    const Speed speed = write_text(&model, {0}, options.count, &sampler, false,
                                   [](const std::string &) {});
    if (options.json)
        print_json(speed.json());
    else
        std::printf("%.1f tokens/s\n", Speed::rate(speed.tokens, speed.seconds));
    return 0;
}

int perplexity(const Options &options) {
    Model model(options.file, options, options.window);
    std::unique_ptr<Model> baseline;
    if (!options.baseline.empty())
        baseline = std::make_unique<Model>(options.baseline, options, options.window);
    const std::vector<Token> text = model.tokenizer.encode(read_file(options.text_file));
    const Quality quality = evaluate(&model.decoder, baseline ? &baseline->decoder : nullptr, text,
                                     options.window, options.windows);
    nlohmann::ordered_json json = {{"tokens", quality.tokens},
                                   {"perplexity", quality.perplexity}};
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
    Model model(options.file, options, static_cast<uint32_t>(tokens.size()));
    const uint32_t vocabulary = model.decoder.config.vocabulary;
    for (size_t at = 0; at < tokens.size(); at += options.window) {
        const auto block = static_cast<uint32_t>(std::min<size_t>(options.window, tokens.size() - at));
        std::vector<float> logits(static_cast<size_t>(block) * vocabulary);
        model.decoder.logits(model.decoder.append(tokens.data() + at, block), block, logits.data());
        for (auto row = logits.begin(); row != logits.end(); row += vocabulary)
            std::printf("%s\n", nlohmann::json(std::vector<float>(row, row + vocabulary)).dump().c_str());
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
        sub->add_option("--backend", options.backend, "avx512, avx2 or scalar; default: the best");
        sub->add_option("--precision", options.precision, "of quantized layers")
            ->check(CLI::IsMember({"fast", "exact"}))
            ->capture_default_str();
    }

    void add_generate() {
        CLI::App *sub = add("generate", "Write a text", generate);
        add_file(sub);
        sub->add_option("--prompt", options.prompt, "how the text begins");
        sub->add_option("--tokens", options.count, "most tokens to write")->capture_default_str();
        sub->add_option("--temperature", options.temperature, "0: always the likeliest token")
            ->capture_default_str();
        sub->add_option("--top-p", options.top_p, "choose among the likeliest of this probability")
            ->capture_default_str();
        sub->add_option("--seed", options.seed, "of the choice")->capture_default_str();
        sub->add_flag("--json", options.json, "text and speed as JSON");
    }

    void add_speed() {
        CLI::App *sub = add("speed", "Measure generation", measure_speed);
        add_file(sub);
        sub->add_option("--tokens", options.count, "tokens to generate")->capture_default_str();
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
        CLI::App *sub = add("check", "Measure the fast precision's error on real activations", check);
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
