// SPDX-License-Identifier: MIT
#include "sampler.hpp"

#include <algorithm>
#include <cmath>

namespace llama {

Token Sampler::choose(const std::vector<float> &logits) {
    const auto likeliest = std::max_element(logits.begin(), logits.end());
    if (temperature <= 0) return static_cast<Token>(likeliest - logits.begin());
    candidates.clear();
    double total = 0;
    for (Token token = 0; token < logits.size(); ++token) {
        const double weight = std::exp(static_cast<double>(logits[token] - *likeliest) /
                                       static_cast<double>(temperature));
        candidates.emplace_back(weight, token);
        total += weight;
    }
    std::sort(candidates.begin(), candidates.end(), std::greater<>());
    double kept = 0;
    size_t count = 0;
    while (count < candidates.size() && kept < static_cast<double>(top_p) * total)
        kept += candidates[count++].first;
    count = std::max<size_t>(count, 1);
    double left = std::uniform_real_distribution<double>(0, kept)(random);
    size_t chosen = 0;
    while (chosen + 1 < count && (left -= candidates[chosen].first) > 0) ++chosen;
    return candidates[chosen].second;
}

}  // namespace llama
