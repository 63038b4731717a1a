// SPDX-License-Identifier: MIT
#include "commands.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "chat.hpp"
#include "check.hpp"
#include "error.hpp"
#include "evaluate.hpp"
#include "json_reports.hpp"
#include "session.hpp"

namespace llama {
namespace {

// Of a precision's error, relative to sum |w x|.
double error_limit(densq_precision precision) { return precision == DENSQ_INT8 ? 0x1p-4 : 0x1p-10; }

densq_precision precision_of(const std::string &name) {
    if (name == "exact") return DENSQ_EXACT;
    return name == "int8" ? DENSQ_INT8 : DENSQ_FAST;
}

Session open_session(const Options &options, const std::string &file, uint32_t capacity) {
    return Session(file, options.backend, precision_of(options.precision), options.threads,
                   capacity);
}

std::string read_file(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(path + ": cannot open");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void print_line(const std::string &text) { std::printf("%s\n", text.c_str()); }

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

}  // namespace

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
    print_line(speed_json(speed, &text));
    return 0;
}

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
        print_line(speed_json(speed));
    else
        std::printf("prompt: %.1f tokens/s; generation: %.1f tokens/s\n", speed.prompt_rate(),
                    speed.token_rate());
    return 0;
}

int measure_perplexity(const Options &options) {
    Session model = open_session(options, options.file, options.window);
    std::unique_ptr<Session> baseline;
    if (!options.baseline.empty())
        baseline.reset(new Session(open_session(options, options.baseline, options.window)));
    const std::vector<Token> text = model.tokenizer.encode(read_file(options.text_file));
    const Quality quality = evaluate(&model.decoder, baseline ? &baseline->decoder : nullptr, text,
                                     options.window, options.windows);
    const bool compared = baseline != nullptr;
    if (options.json) {
        print_line(quality_json(quality, compared));
        return 0;
    }
    for (const auto &[name, value] : quality_values(quality, compared))
        std::printf("%-18s %s\n", name.c_str(), value.c_str());
    return 0;
}

int check(const Options &options) {
    const densq_precision precision = precision_of(options.precision);
    if (precision == DENSQ_EXACT)
        throw Error("check compares with the exact precision: --precision fast or int8");
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
         check_precision(options.file, options.backend, precision, tokens, options.threads)) {
        std::printf("%-45s 2^%.2f\n", name.c_str(), std::log2(error));
        worst = std::max(worst, error);
    }
    const double limit = error_limit(precision);
    std::printf("largest |%s - exact| / sum |w x| over %zu tokens: 2^%.2f, allowed 2^%.0f\n",
                options.precision.c_str(), tokens.size(), std::log2(worst), std::log2(limit));
    return worst <= limit ? 0 : 1;
}

int print_logits(const Options &options) {
    const std::vector<Token> &tokens = options.tokens;
    Session model = open_session(options, options.file, static_cast<uint32_t>(tokens.size()));
    const uint32_t vocabulary = model.decoder.config.vocabulary;
    for (size_t at = 0; at < tokens.size(); at += options.window) {
        const auto block =
            static_cast<uint32_t>(std::min<size_t>(options.window, tokens.size() - at));
        std::vector<float> logits(static_cast<size_t>(block) * vocabulary);
        model.decoder.logits(model.decoder.append(tokens.data() + at, block), block, logits.data());
        for (auto row = logits.begin(); row != logits.end(); row += vocabulary)
            print_line(numbers_json(std::vector<float>(row, row + vocabulary)));
    }
    return 0;
}

int tokenize(const Options &options) {
    const Tokenizer tokenizer(read_file(options.tokenizer));
    for (std::string line; std::getline(std::cin, line);)
        print_line(numbers_json(tokenizer.encode(parse_json_string(line))));
    return 0;
}

}  // namespace llama
