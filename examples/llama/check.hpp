// SPDX-License-Identifier: MIT
// check.hpp - the error of a precision on a model's real activations.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "densq/densq.h"
#include "tokenizer.hpp"

namespace llama {

// Runs the tokens through the file's model in the exact precision and every quantized layer's input
// through the one to be checked too.  By matrix: the largest |y - exact| / sum_c |w_c x_c| of any
// output.
std::map<std::string, double> check_precision(const std::string &path, const std::string &backend,
                                              densq_precision precision,
                                              const std::vector<Token> &tokens, uint32_t threads);

}  // namespace llama
