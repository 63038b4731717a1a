// SPDX-License-Identifier: MIT
#include "evaluate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "error.hpp"

namespace llama {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kChunk = 32;  // positions whose logits are held at a time

// logits -> log-probabilities, in place; returns the likeliest token.
Token log_softmax(float *logits, uint32_t count) {
    const float *largest = std::max_element(logits, logits + count);
    const auto token = static_cast<Token>(largest - logits);
    const double shift = static_cast<double>(*largest);
    double sum = 0;
    for (uint32_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i]) - shift);
    const auto offset = static_cast<float>(shift + std::log(sum));
    for (uint32_t i = 0; i < count; ++i) logits[i] -= offset;
    return token;
}

double divergence(const float *from, const float *to, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; ++i)
        sum += std::exp(static_cast<double>(from[i])) *
               (static_cast<double>(from[i]) - static_cast<double>(to[i]));
    return sum;
}

class Evaluation {
public:
    Evaluation(Decoder *model_, Decoder *baseline_) : model(model_), baseline(baseline_) {}

    void add_window(const Token *tokens, uint32_t count) {
        const auto begin = Clock::now();
        model->restart();
        const float *hidden = model->append(tokens, count);
        seconds += Clock::now() - begin;
        const float *other = nullptr;
        if (baseline) {
            baseline->restart();
            other = baseline->append(tokens, count);
        }
        for (uint32_t first = 0; first < count; first += kChunk) {
            const uint32_t chunk = std::min(kChunk, count - first);
            add_chunk(tokens, count, first, chunk, hidden, other);
        }
        total += count;
    }

    Quality result() {
        Quality quality = {};
        quality.perplexity = std::exp(loss / static_cast<double>(predicted));
        quality.tokens = total;
        quality.tokens_per_second = static_cast<double>(total) / seconds.count();
        if (divergences.empty()) return quality;
        for (const double kl : divergences) quality.kl_mean += kl;
        quality.kl_mean /= static_cast<double>(divergences.size());
        const auto p99 =
            divergences.begin() + static_cast<ptrdiff_t>(divergences.size() * 99 / 100);
        std::nth_element(divergences.begin(), p99, divergences.end());
        quality.kl_p99 = *p99;
        quality.top1_agreement = static_cast<double>(agreed) / static_cast<double>(total);
        return quality;
    }

private:
    void add_chunk(const Token *tokens, uint32_t count, uint32_t first, uint32_t chunk,
                   const float *hidden, const float *other) {
        const uint32_t width = model->config.hidden, vocabulary = model->config.vocabulary;
        ours.resize(static_cast<size_t>(chunk) * vocabulary);
        const auto begin = Clock::now();
        model->logits(hidden + static_cast<size_t>(first) * width, chunk, ours.data());
        seconds += Clock::now() - begin;
        if (other) {
            theirs.resize(ours.size());
            baseline->logits(other + static_cast<size_t>(first) * width, chunk, theirs.data());
        }
        std::vector<Position> positions(chunk);
        model->threads.run(chunk, [&](uint32_t i) {
            const bool last = first + i + 1 == count;
            positions[i] = compare(i, last ? nullptr : &tokens[first + i + 1]);
        });
        for (uint32_t i = 0; i < chunk; ++i) {
            predicted += first + i + 1 < count;
            loss += positions[i].loss;
            if (!other) continue;
            agreed += positions[i].agrees;
            divergences.push_back(positions[i].divergence);
        }
    }

    struct Position {
        double loss = 0, divergence = 0;
        bool agrees = false;
    };

    // Position i of a chunk; `next`: the token that follows in the text, NULL at a window's end.
    Position compare(uint32_t i, const Token *next) {
        const uint32_t vocabulary = model->config.vocabulary;
        float *mine = ours.data() + static_cast<size_t>(i) * vocabulary;
        const Token likeliest = log_softmax(mine, vocabulary);
        Position position;
        if (next) position.loss = -static_cast<double>(mine[*next]);
        if (!baseline) return position;
        float *base = theirs.data() + static_cast<size_t>(i) * vocabulary;
        position.agrees = log_softmax(base, vocabulary) == likeliest;
        position.divergence = divergence(base, mine, vocabulary);
        return position;
    }

    Decoder *model, *baseline;
    std::vector<float> ours, theirs;
    std::vector<double> divergences;
    std::chrono::duration<double> seconds{0};
    double loss = 0;
    size_t predicted = 0, agreed = 0, total = 0;
};

}  // namespace

Quality evaluate(Decoder *model, Decoder *baseline, const std::vector<Token> &text, uint32_t window,
                 uint32_t windows) {
    if (baseline && (baseline->config.hidden != model->config.hidden ||
                     baseline->config.vocabulary != model->config.vocabulary))
        throw Error("the baseline is another model: its hidden size or vocabulary differ");
    if (text.size() < window)
        throw Error("the text has " + std::to_string(text.size()) + " tokens, fewer than a window");
    const size_t whole = text.size() / window;
    const size_t used = windows ? std::min<size_t>(windows, whole) : whole;
    Evaluation evaluation(model, baseline);
    for (size_t i = 0; i < used; ++i) evaluation.add_window(text.data() + i * window, window);
    return evaluation.result();
}

}  // namespace llama
