// SPDX-License-Identifier: MIT
// tensor_selection.hpp - what the user asks for by names of tensors, over the rules that apply
// without a word (tensor_rules.hpp).
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tensor_rules.hpp"

namespace densq::tool {

// A number of bits a weight that matrices have together, tables and sparse parts included.
struct SharedBudget {
    double bits;
    bool by_bits_for;
    auto operator<=>(const SharedBudget &) const = default;
};

// Patterns are shell globs over names of tensors.
struct TensorSelection {
    struct BitsFor {
        std::string glob;
        uint32_t bits;      // of each matrix, unless there is
        double budget = 0;  // of all matrices that have the same one
    };

    uint32_t bits;
    std::vector<std::string> include, exclude, drop;
    std::vector<BitsFor> bits_for;              // of several that match, the last
    std::optional<ExpertLayout> expert_layout;  // instead of find_expert_layout
    double budget = 0;                          // instead of `bits`, of all matrices together
};

constexpr const char *kBitsFor = "--bits-for";

struct TensorChoice {
    Fate fate;
    uint32_t bits;                       // of its codes, if it is quantized
    std::optional<SharedBudget> budget;  // that changes them
    const char *title;                   // of its group
    std::string why;
};

class TensorChooser {
public:
    TensorChooser(const TensorSelection &selection, const ModelConfig &config);

    // The first of these that applies: a `drop` pattern: left out; an `exclude` pattern: plain; a
    // `bits_for` pattern: its bits; an `include` pattern, or without any of them the rules: `bits`.
    // Patterns quantize matrices and stacks of floats only and pass over what else they match.
    // DataError if a pattern without wildcards names something else.
    TensorChoice choose(const std::string &name, const SafeTensor &tensor);

    // Whether a `drop` pattern matches the name of a file of the model's folder.
    bool drops_file(const std::string &name);

    // UsageError if a pattern has not matched anything that it could be meant for.
    void require_used() const;

private:
    struct Pattern {
        const char *option;
        std::string glob;
        uint32_t bits = 0;
        double budget = 0;
        uint32_t matched = 0, used = 0;

        bool matches(const std::string &name);
        bool is_exact() const { return glob.find_first_of("*?[\\") == std::string::npos; }
    };

    static const Pattern *last_match(std::vector<Pattern> &patterns, const std::string &name,
                                     bool usable);

    const ModelConfig config;
    const uint32_t bits;
    const double budget;
    std::vector<Pattern> include, exclude, drop, bits_for;
    std::string example;  // a name, for messages
};

// Whether a densq file can hold it as one or several matrices: two or three dimensions of floats.
bool can_be_quantized(const SafeTensor &tensor);

}  // namespace densq::tool
