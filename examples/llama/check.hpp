// SPDX-License-Identifier: MIT
// check.hpp - the error of the fast precision on a model's real activations.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tokenizer.hpp"

namespace llama {

// Runs the text's first `count` tokens through the file's model in the exact precision and every
// quantized layer's input through the fast one too.  By matrix: the largest
// |fast - exact| / sum_c |w_c x_c| of any output.
std::map<std::string, double> check_precision(const std::string &path, const std::string &backend,
                                              const std::vector<Token> &tokens, uint32_t threads);

}  // namespace llama
