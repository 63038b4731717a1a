// SPDX-License-Identifier: MIT
// evaluate.hpp - how well a model predicts a text, and how far it is from another model.
#pragma once
#include <vector>

#include "decoder.hpp"

namespace llama {

struct Quality {
    double perplexity;
    double kl_mean, kl_p99;    // KL(baseline || model) per token, nats
    double top1_agreement;     // share of tokens where both find the same one likeliest
    double tokens_per_second;  // of the model, text taken in whole windows
    size_t tokens;             // in all windows
};

// Cuts `text` into windows of `window` tokens without overlap and takes the first `windows` whole
// ones (0: all).  Within a window, tokens 2 to the last are predicted; the comparison with the
// baseline (NULL: none) takes all positions.
Quality evaluate(Decoder *model, Decoder *baseline, const std::vector<Token> &text, uint32_t window,
                 uint32_t windows);

}  // namespace llama
