// SPDX-License-Identifier: MIT
#include "tensor_selection.hpp"

#include <fnmatch.h>

#include "tools/densq/errors.hpp"

namespace densq::tool {

bool can_be_quantized(const SafeTensor &tensor) {
    const size_t dimensions = tensor.shape.size();
    return (dimensions == 2 || dimensions == 3) && is_float(tensor);
}

bool TensorChooser::Pattern::matches(const std::string &name) {
    const bool does = fnmatch(glob.c_str(), name.c_str(), 0) == 0;
    matched += does;
    return does;
}

TensorChooser::TensorChooser(const TensorSelection &selection, const ModelConfig &config_)
    : config(config_), bits(selection.bits), budget(selection.budget) {
    const auto make = [](const char *option, const std::vector<std::string> &globs) {
        std::vector<Pattern> patterns;
        patterns.reserve(globs.size());
        for (const std::string &glob : globs) patterns.push_back({option, glob});
        return patterns;
    };
    include = make("--include", selection.include);
    exclude = make("--exclude", selection.exclude);
    drop = make("--drop", selection.drop);
    for (const TensorSelection::BitsFor &other : selection.bits_for)
        bits_for.push_back({kBitsFor, other.glob, other.bits, other.budget});
}

// Asks all of them, so that each one knows what it matches.
const TensorChooser::Pattern *TensorChooser::last_match(std::vector<Pattern> &patterns,
                                                        const std::string &name, bool usable) {
    const Pattern *last = nullptr;
    for (Pattern &pattern : patterns) {
        if (!pattern.matches(name)) continue;
        pattern.used += usable;
        last = &pattern;
    }
    return last;
}

TensorChoice TensorChooser::choose(const std::string &name, const SafeTensor &tensor) {
    if (example.empty() || layer_number(name)) example = name;
    const TensorGroup &group = group_of(name, tensor, config);
    const auto choice = [&](Fate fate, const std::string &why, const Pattern *other = nullptr) {
        const SharedBudget shared = {other ? other->budget : budget, other != nullptr};
        return TensorChoice{fate, other ? other->bits : bits,
                            shared.bits > 0 ? std::optional(shared) : std::nullopt, group.title,
                            why};
    };
    const bool can = can_be_quantized(tensor);
    const Pattern *const dropping = last_match(drop, name, true);
    const Pattern *const excluding = last_match(exclude, name, true);
    const Pattern *const widening = last_match(bits_for, name, can);
    const Pattern *const including = last_match(include, name, can);
    if (dropping) return choice(Fate::kLeftOut, "--drop");
    if (excluding) return choice(Fate::kPlain, "--exclude");
    for (const Pattern *pattern : {widening, including})
        if (pattern && !can && pattern->is_exact())
            throw DataError("tensor '" + name + "' of dtype " + tensor.dtype + " and shape " +
                            tensor.shape_text() +
                            " is no matrix of floats and cannot be quantized");
    if (widening && can) return choice(Fate::kQuantized, kBitsFor, widening);
    if (including && can) return choice(Fate::kQuantized, "--include");
    if (!include.empty() && group.fate == Fate::kQuantized)
        return choice(Fate::kPlain, "not matched by --include");
    return choice(group.fate, group.why);
}

bool TensorChooser::drops_file(const std::string &name) {
    return last_match(drop, name, true) != nullptr;
}

void TensorChooser::require_used() const {
    for (const std::vector<Pattern> *patterns : {&include, &exclude, &drop, &bits_for})
        for (const Pattern &pattern : *patterns) {
            const std::string what = std::string(pattern.option) + " '" + pattern.glob + "': ";
            if (!pattern.matched)
                throw UsageError(what + "no tensor has such a name" +
                                 (example.empty() ? "" : "; one is called '" + example + "'"));
            if (!pattern.used)
                throw UsageError(what + "none of the " + std::to_string(pattern.matched) +
                                 " tensors of such names is a matrix of floats");
        }
}

}  // namespace densq::tool
