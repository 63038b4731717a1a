// SPDX-License-Identifier: MIT
#include "model_plan.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "densq/layout.h"
#include "sparse_choice.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/format/plain_tensor.hpp"

namespace densq::tool {
namespace {

// Shares of the parameters: what should not stay plain unnoticed, and what is worth a word then.
constexpr double kMuch = 0.1, kNotable = 0.01;

bool can_be_kept(const SafeTensor &tensor) {
    return is_float(tensor) && tensor.shape.size() <= DENSQ_MAX_TENSOR_DIMENSIONS &&
           tensor.elements() > 0 && tensor.elements() <= DENSQ_MAX_TENSOR_ELEMENTS &&
           std::all_of(tensor.shape.begin(), tensor.shape.end(),
                       [](uint64_t dimension) { return dimension <= UINT32_MAX; });
}

// The dotted name with numbers as *, which one --drop takes for all layers.
std::string without_numbers(const std::string &name) {
    std::string pattern;
    for (size_t begin = 0, end = 0; end != name.size(); begin = end + 1) {
        end = std::min(name.find('.', begin), name.size());
        const std::string part = name.substr(begin, end - begin);
        const bool number =
            !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
        pattern.append(begin ? "." : "").append(number ? "*" : part);
    }
    return pattern;
}

MatrixPlan plan_matrix(const std::string &name, uint32_t rows, uint32_t cols,
                       const MatrixRecipe &recipe) {
    const uint64_t nnz = count_nonzeros(uint64_t{rows} * cols, recipe);
    if (nnz > DENSQ_MAX_NNZ)
        throw DataError("matrix '" + name + "': " + std::to_string(nnz) +
                        " sparse values are more than a matrix can have; lower --outliers");
    return {rows, cols, recipe.bits, static_cast<uint32_t>(nnz)};
}

uint64_t bytes_of(const MatrixPlan &matrix) {
    return densq_place_sections(matrix.rows, matrix.cols, matrix.bits, matrix.nnz).bytes;
}

class Planner {
public:
    Planner(const Checkpoint &model_, const ModelConfig &config_, const TensorSelection &selection_,
            const MatrixRecipe &common_)
        : model(model_), config(config_), selection(selection_), common(common_) {}

    ModelPlan run(TensorChooser *chooser) {
        for (const auto &[name, entry] : model.tensors)
            add(name, *entry.tensor, chooser->choose(name, *entry.tensor));
        refuse_unusable();
        std::stable_sort(plan.groups.begin(), plan.groups.end(),
                         [](const GroupTotals &a, const GroupTotals &b) {
                             return a.fate != b.fate ? a.fate < b.fate : a.weights > b.weights;
                         });
        add_notices();
        return std::move(plan);
    }

private:
    void add(const std::string &name, const SafeTensor &tensor, const TensorChoice &choice) {
        uint64_t bytes = 0;
        if (choice.fate != Fate::kLeftOut && (name.empty() || name.size() > DENSQ_MAX_NAME_BYTES))
            throw DataError("the name '" + name.substr(0, 80) + "...' must have 1 to " +
                            std::to_string(DENSQ_MAX_NAME_BYTES) + " bytes, not " +
                            std::to_string(name.size()));
        if (choice.fate == Fate::kQuantized && can_be_quantized(tensor)) {
            bytes = add_matrices(name, tensor, choice);
        } else if (choice.fate != Fate::kLeftOut) {
            if (!can_be_kept(tensor)) {
                unusable.push_back(name);
                return;
            }
            bytes = add_tensor(name, tensor);
        }
        count(choice, tensor.elements(), bytes);
        const std::optional<uint64_t> layer = layer_number(name);
        if (config.layers && layer && *layer >= config.layers &&
            name.find("layers.") != std::string::npos)
            beyond.insert(*layer);
    }

    uint64_t add_matrices(const std::string &name, const SafeTensor &tensor,
                          const TensorChoice &choice) {
        const bool stacked = tensor.shape.size() == 3;
        uint64_t rows = tensor.shape[stacked], cols = tensor.shape[stacked + 1];
        const bool transposed = stacked && layout_of(name, tensor) == ExpertLayout::kInOut;
        if (transposed) std::swap(rows, cols);
        for (const uint64_t dimension : {rows, cols})
            if (dimension < 1 || dimension > DENSQ_MAX_DIMENSION)
                throw DataError("tensor '" + name + "': shape " + tensor.shape_text() +
                                " is outside the limits of 1 to " +
                                std::to_string(DENSQ_MAX_DIMENSION) + " rows and columns");
        MatrixRecipe recipe = common;
        recipe.bits = choice.bits;
        const MatrixPlan matrix =
            plan_matrix(name, static_cast<uint32_t>(rows), static_cast<uint32_t>(cols), recipe);
        const uint64_t slices = stacked ? tensor.shape[0] : 1;
        for (uint64_t slice = 0; slice < slices; ++slice)
            add_matrix(stacked ? name + "." + std::to_string(slice) : name, matrix,
                       {recipe,
                        {name, slice, stacked, transposed},
                        choice.title,
                        choice.why,
                        choice.budget});
        return slices * bytes_of(matrix);
    }

    void add_matrix(const std::string &name, const MatrixPlan &matrix,
                    const PlannedMatrix &planned) {
        if (planned.origin.stacked && model.tensors.contains(name))
            throw DataError("tensor '" + name + "' has the name of a slice of '" +
                            planned.origin.tensor + "'; leave one of them out with --drop");
        plan.file.matrices[name] = matrix;
        plan.matrices[name] = planned;
    }

    ExpertLayout layout_of(const std::string &name, const SafeTensor &tensor) const {
        if (selection.expert_layout) return *selection.expert_layout;
        if (const auto layout = find_expert_layout(name, tensor, config)) return *layout;
        throw DataError("tensor '" + name + "' of shape " + tensor.shape_text() +
                        ": neither config.json nor the sizes tell whether its matrices are [out, "
                        "in] or [in, out]; say --expert-layout out-in or in-out, or keep it plain "
                        "with --exclude");
    }

    uint64_t add_tensor(const std::string &name, const SafeTensor &tensor) {
        TensorPlan planned = {plain_dtype(tensor), {}};
        for (const uint64_t dimension : tensor.shape)
            planned.shape.push_back(static_cast<uint32_t>(dimension));
        plan.file.tensors[name] = planned;
        if (tensor.dtype != dtype_name(planned.dtype))
            ++converted[tensor.dtype + " become " + dtype_name(planned.dtype)];
        return tensor.elements() * dtype_bytes(planned.dtype);
    }

    void count(const TensorChoice &choice, uint64_t weights, uint64_t bytes) {
        auto group = std::find_if(plan.groups.begin(), plan.groups.end(), [&](const auto &known) {
            return known.fate == choice.fate && known.title == choice.title &&
                   known.why == choice.why;
        });
        if (group == plan.groups.end())
            group = plan.groups.insert(group, {choice.fate, choice.title, choice.why, 0, 0, 0});
        ++group->tensors;
        group->weights += weights;
        group->bytes += bytes;
    }

    void refuse_unusable() const {
        if (unusable.empty()) return;
        const SafeTensor &first = *model.tensors.at(unusable[0]).tensor;
        std::set<std::string> patterns;
        for (const std::string &name : unusable) patterns.insert(without_numbers(name));
        std::string message = "a densq file cannot hold tensor '" + unusable[0] + "' of dtype " +
                              first.dtype + " and shape " + first.shape_text();
        if (unusable.size() > 1)
            message += " and " + std::to_string(unusable.size() - 1) + " others";
        message += "; to leave out such tensors:";
        for (const std::string &pattern : patterns) message += " --drop '" + pattern + "'";
        throw DataError(message);
    }

    void add_notices() {
        for (const auto &[what, number] : converted)
            plan.notices.push_back(std::to_string(number) + " plain tensors of " + what);
        if (!beyond.empty())
            plan.notices.push_back("config.json has " + std::to_string(config.layers) +
                                   " layers; those from number " + std::to_string(*beyond.begin()) +
                                   " to " + std::to_string(*beyond.rbegin()) +
                                   " are treated like the others");
        for (const GroupTotals &group : plan.groups) {
            if (group.fate == Fate::kLeftOut && group.why != "--drop")
                plan.notices.push_back(std::to_string(group.tensors) + " " + group.title +
                                       " are left out: " + group.why);
            if (group.fate == Fate::kQuantized && group.bytes >= 2 * group.weights)
                plan.notices.push_back(group.title + ": quantized they take " +
                                       std::to_string(group.bytes) + " bytes, more than in F16; " +
                                       "their rows are too short for tables of their own");
        }
        note_plain_share();
    }

    // Of what stays plain without having been asked for.
    void note_plain_share() {
        uint64_t all = 0, plain = 0;
        for (const GroupTotals &group : plan.groups)
            if (group.fate != Fate::kLeftOut) all += group.weights;
        const auto percent = [&](uint64_t weights) {
            const double share = 100 * static_cast<double>(weights) / static_cast<double>(all);
            return std::to_string(std::lround(share)) + " %";
        };
        std::string groups;
        for (const GroupTotals &group : plan.groups) {
            if (!group.plain_by_rule()) continue;
            plain += group.weights;
            if (static_cast<double>(group.weights) > kNotable * static_cast<double>(all))
                groups +=
                    (groups.empty() ? ": " : ", ") + group.title + " " + percent(group.weights);
        }
        if (static_cast<double>(plain) > kMuch * static_cast<double>(all))
            plan.notices.push_back(percent(plain) + " of the parameters stay plain" + groups);
    }

    const Checkpoint &model;
    const ModelConfig &config;
    const TensorSelection &selection;
    const MatrixRecipe &common;
    ModelPlan plan;
    std::vector<std::string> unusable;
    std::map<std::string, uint64_t> converted;  // number of tensors by "F64 become F32"
    std::set<uint64_t> beyond;                  // layers that the configuration does not count
};

}  // namespace

uint64_t matrix_bytes(uint32_t rows, uint32_t cols, const MatrixRecipe &recipe) {
    return bytes_of({rows, cols, recipe.bits,
                     static_cast<uint32_t>(count_nonzeros(uint64_t{rows} * cols, recipe))});
}

void change_recipe(ModelPlan *plan, const std::string &name, const MatrixRecipe &recipe) {
    PlannedMatrix &planned = plan->matrices.at(name);
    MatrixPlan &matrix = plan->file.matrices.at(name);
    const uint64_t before = bytes_of(matrix);
    matrix = plan_matrix(name, matrix.rows, matrix.cols, recipe);
    planned.recipe = recipe;
    for (GroupTotals &group : plan->groups)
        if (group.fate == Fate::kQuantized && group.title == planned.group &&
            group.why == planned.why)
            group.bytes += bytes_of(matrix) - before;
}

ModelPlan plan_model(const Checkpoint &model, const ModelConfig &config,
                     const TensorSelection &selection, TensorChooser *chooser,
                     const MatrixRecipe &common) {
    return Planner(model, config, selection, common).run(chooser);
}

}  // namespace densq::tool
