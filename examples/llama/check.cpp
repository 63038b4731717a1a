// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <algorithm>
#include <cmath>

#include "decoder.hpp"
#include "error.hpp"

namespace llama {
namespace {

class Checker {
public:
    Checker(const Weights &checked_, const Weights &exact_) : checked(checked_), exact(exact_) {}

    void compare(const Linear &layer, const float *x, uint32_t count) {
        if (!layer.quantized()) return;
        const std::vector<float> a = multiply(checked, layer, x, count);
        const std::vector<float> b = multiply(exact, layer, x, count);
        const std::vector<double> scale = magnitudes(layer, x, count);
        double &worst = errors[layer.name];
        for (size_t i = 0; i < a.size(); ++i) {
            if (!std::isfinite(a[i]) || !std::isfinite(b[i]))
                throw Error(layer.name + ": an output is not finite");
            if (a[i] != b[i])
                worst = std::max(worst, static_cast<double>(std::abs(a[i] - b[i])) / scale[i]);
        }
    }

    std::map<std::string, double> errors;

private:
    static std::vector<float> multiply(const Weights &weights, const Linear &layer, const float *x,
                                       uint32_t count) {
        Linear same(weights, layer.name, layer.rows, layer.cols);
        std::vector<float> y(static_cast<size_t>(count) * layer.rows);
        same.apply(x, count, y.data());
        return y;
    }

    // sum_c |w_c x_c| of every output.
    static std::vector<double> magnitudes(const Linear &layer, const float *x, uint32_t count) {
        std::vector<double> sums(static_cast<size_t>(count) * layer.rows);
        std::vector<float> row(layer.cols);
        for (uint32_t r = 0; r < layer.rows; ++r) {
            layer.read_row(r, row.data());
            for (uint32_t t = 0; t < count; ++t) {
                const float *in = x + static_cast<size_t>(t) * layer.cols;
                float sum = 0;
                for (uint32_t c = 0; c < layer.cols; ++c) sum += std::abs(row[c] * in[c]);
                sums[static_cast<size_t>(t) * layer.rows + r] = static_cast<double>(sum);
            }
        }
        return sums;
    }

    const Weights &checked, &exact;
};

}  // namespace

std::map<std::string, double> check_precision(const std::string &path, const std::string &backend,
                                              densq_precision precision,
                                              const std::vector<Token> &tokens, uint32_t threads) {
    const Threads pool(threads);
    const Weights exact(path, backend, DENSQ_EXACT, pool), checked(path, backend, precision, pool);
    Decoder decoder(exact, static_cast<uint32_t>(tokens.size()));
    Checker checker(checked, exact);
    const LinearObserver observer = [&](const Linear &layer, const float *x, uint32_t count) {
        checker.compare(layer, x, count);
    };
    decoder.observe(&observer);
    const auto count = static_cast<uint32_t>(tokens.size());
    const float *hidden = decoder.append(tokens.data(), count);
    std::vector<float> logits(static_cast<size_t>(count) * decoder.config.vocabulary);
    decoder.logits(hidden, count, logits.data());
    if (checker.errors.empty()) throw Error(path + ": has no quantized layer to check");
    return checker.errors;
}

}  // namespace llama
