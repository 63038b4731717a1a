// SPDX-License-Identifier: MIT
#include "quantize_job.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include "interrupt.hpp"
#include "json_reports.hpp"
#include "model_texts.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/format/input_file.hpp"
#include "tools/densq/format/metadata_json.hpp"
#include "tools/densq/format/model_json.hpp"
#include "tools/densq/format/part_json.hpp"
#include "tools/densq/format/plain_tensor.hpp"
#include "tools/densq/quantize/loss_estimate.hpp"
#include "tools/densq/quantize/model_notes.hpp"
#include "tools/densq/quantize/quantize_matrix.hpp"
#include "tools/densq/quantize/weight_checks.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

// The number that a text begins with, and where it ends; NaN if there is none.
double leading_number(const std::string &text, size_t *end) {
    try {
        return std::stod(text, end);
    } catch (const std::exception &) {
        return NAN;
    }
}

// "0.45%" or "0.45", both in percent, as a fraction.
double parse_percent(const std::string &text, const char *option) {
    size_t end = 0;
    const double percent = leading_number(text, &end);
    const std::string unit = text.substr(end);
    if ((unit.empty() || unit == "%" || unit == " %") && percent >= 0 && percent <= 100)
        return percent / 100;
    throw UsageError(std::string(option) + ": '" + text + "' is no percentage from 0% to 100%");
}

// Bits a weight, like 3.25.
std::optional<double> parse_budget(const std::string &text) {
    size_t end = 0;
    const double bits = leading_number(text, &end);
    if (end == text.size() && bits > 0 && bits <= 32) return bits;
    return std::nullopt;
}

// Of all the recipes that a matrix is tried with.
uint64_t tried_weights(const MatrixPlan &matrix, const MatrixRecipe &recipe) {
    return recipes_to_try(recipe).size() * rows_to_try(matrix.rows) * uint64_t{matrix.cols};
}

TensorSelection make_selection(const QuantizeOptions &options) {
    TensorSelection selection = {options.bits, options.include, options.exclude, options.drop,
                                 {},           std::nullopt};
    for (const std::string &text : options.bits_for) {
        const size_t equals = text.rfind('=');
        const std::string bits = equals == std::string::npos ? "" : text.substr(equals + 1);
        const bool fraction = bits.find('.') != std::string::npos;
        const std::optional<uint32_t> width = fraction ? options.bits : parse_width(bits);
        const std::optional<double> budget = fraction ? parse_budget(bits) : 0;
        if (!width || !budget)
            throw UsageError("--bits-for: '" + text + "' is not PATTERN=BITS with BITS from " +
                             std::to_string(DENSQ_MIN_BITS) + " to " +
                             std::to_string(DENSQ_MAX_BITS) + " or a budget like 3.25");
        selection.bits_for.push_back({text.substr(0, equals), *width, *budget});
    }
    if (!options.budget.empty()) {
        const std::optional<double> budget = parse_budget(options.budget);
        if (!budget)
            throw UsageError("--budget: '" + options.budget +
                             "' is no number of bits a weight, like 3.25");
        selection.budget = *budget;
    }
    if (!options.expert_layout.empty())
        selection.expert_layout =
            options.expert_layout == "in-out" ? ExpertLayout::kInOut : ExpertLayout::kOutIn;
    return selection;
}

// The part of the recipe that is the same for all matrices.
MatrixRecipe make_recipe(const QuantizeOptions &options) {
    MatrixRecipe recipe = {};
    recipe.outliers = parse_percent(options.outliers, "--outliers");
    recipe.sensitive = options.unweighted ? 0 : parse_percent(options.sensitive, "--sensitive");
    recipe.method = chosen_method(options);
    recipe.select = options.select;
    return recipe;
}

ModelConfig read_config(const fs::path &folder) {
    const fs::path path = folder / "config.json";
    const std::optional<std::string> text = read_text(path);
    if (!text) return {};
    try {
        return parse_model_config(*text);
    } catch (const DataError &error) {
        throw DataError(path.string() + ": " + error.what());
    }
}

}  // namespace

QuantizeJob::QuantizeJob(const QuantizeOptions &options_)
    : options(options_), model(options.model, {"model.safetensors"}) {
    const uint32_t cores = std::thread::hardware_concurrency();
    threads = options.threads ? options.threads : cores ? cores : 1;
    const TensorSelection selection = make_selection(options);
    const ModelConfig config = read_config(model.folder);
    const std::string transposed = transposed_layers(config);
    if (!transposed.empty() && selection.include.empty() && selection.bits_for.empty())
        throw DataError("config.json: " + transposed);
    TensorChooser chooser(selection, config);
    planned = plan_model(model, config, selection, &chooser, make_recipe(options));
    notices = model.notices;
    notices.insert(notices.end(), planned.notices.begin(), planned.notices.end());
    keep_texts(&chooser);
    chooser.require_used();
    const bool plain_by_rule = std::any_of(planned.groups.begin(), planned.groups.end(),
                                           [](const auto &group) { return group.plain_by_rule(); });
    if (planned.matrices.empty() && plain_by_rule)
        throw DataError(options.model + ": no tensor is a linear layer of a numbered layer; choose "
                                        "what to quantize with --include PATTERN");
    for (const auto &[name, matrix] : planned.matrices) {
        quantized_tensors[matrix.origin.tensor] = false;
        if (matrix.budget) budgets.try_emplace(*matrix.budget, *matrix.budget, planned);
    }
    if (!budgets.empty() && options.unweighted)
        throw UsageError("a budget needs gradients: they tell which matrices matter more");
    if (!options.unweighted && !planned.matrices.empty()) open_gradients();
    if (!options.moments.empty()) open_moments();
    refuse_overwriting_input();
}

void QuantizeJob::keep_texts(TensorChooser *chooser) {
    planned.file.metadata = read_model_texts(model.folder, chooser, &notices);
    planned.file.metadata[kToolKey] = "densq " + version_text();
    planned.file.metadata[kOptionsKey] = options_json(options);
    planned.file.metadata[kChoiceKey] = choice_json(planned);
    if (std::string slices = slices_json(planned, model); !slices.empty())
        planned.file.metadata[kSlicesKey] = std::move(slices);
}

void QuantizeJob::open_gradients() {
    if (options.gradients.empty())
        throw UsageError("--gradients is missing; without gradients say --unweighted");
    gradients.emplace(options.gradients,
                      std::vector<std::string>{"gradients.safetensors", "model.safetensors"},
                      Checkpoint::Content::statistics);
    for (const auto &[name, weighted] : quantized_tensors)
        require_gradients(name, *model.tensors.at(name).tensor, *gradients);
}

// Matrices without moments are left to the paper's method.
void QuantizeJob::open_moments() {
    moments.emplace(options.moments, std::vector<std::string>{"moments.safetensors"},
                    Checkpoint::Content::statistics);
    uint64_t without = 0;
    std::string example;
    for (auto &[name, matrix] : planned.matrices) {
        const std::string &tensor = matrix.origin.tensor;
        const auto measured = moments->tensors.find(tensor);
        if (measured == moments->tensors.end()) {
            matrix.recipe.method = kFisherMethod;
            if (without++ == 0) example = name;
            continue;
        }
        if (moments_of.contains(tensor)) continue;
        const uint64_t slices =
            matrix.origin.stacked ? model.tensors.at(tensor).tensor->shape[0] : 0;
        const uint32_t cols = planned.file.matrices.at(name).cols;
        require_moments(tensor, measured->second, cols, slices);
        moments_of[tensor] = {cols, {}};
    }
    if (moments_of.empty())
        throw DataError(moments->inputs[0].string() +
                        ": has moments of none of the matrices; give moments of the same model");
    if (without)
        notices.push_back("no moments for " + std::to_string(without) + " of " +
                          std::to_string(planned.matrices.size()) +
                          " matrices, which are quantized by the method 'fisher'; one is '" +
                          example + "'");
}

void QuantizeJob::refuse_overwriting_input() const {
    std::vector<fs::path> inputs = model.inputs;
    for (const auto *more : {&gradients, &moments})
        if (*more) inputs.insert(inputs.end(), (*more)->inputs.begin(), (*more)->inputs.end());
    for (const std::string &file : text_names()) inputs.push_back(model.folder / file);
    if (!options.layers.empty()) inputs.emplace_back(options.plan);
    std::error_code ignored;
    for (const std::string &output : {options.output, options.layers.empty() ? options.plan : ""})
        for (const fs::path &input : inputs)
            if (!output.empty() && fs::equivalent(input, output, ignored))
                throw UsageError("the output " + output + " is one of the inputs");
}

void QuantizeJob::check_values() {
    uint64_t bytes = 0;
    for (const auto &[name, weighted] : quantized_tensors) {
        bytes += model.tensors.at(name).tensor->bytes;
        if (gradients) bytes += gradients->tensors.at(name).tensor->bytes;
        if (moments_of.contains(name)) bytes += moments->tensors.at(name).tensor->bytes;
    }
    ProgressBar progress(bytes, options.quiet);
    progress.begin("checking");
    for (auto &[name, weighted] : quantized_tensors) {
        check_interrupt();
        const Checkpoint::Entry &entry = model.tensors.at(name);
        found.model[name] = check_weights(name, entry, threads);
        entry.end_reading();
        progress.add(entry.tensor->bytes);
        if (!gradients) continue;
        const Checkpoint::Entry &squares = gradients->tensors.at(name);
        found.gradients[name] = check_gradients(name, squares, threads, &weighted);
        squares.end_reading();
        progress.add(squares.tensor->bytes);
        if (!weighted)
            notices.push_back("the gradients of '" + name +
                              "' are all zero: every weight counts the same");
    }
    for (auto &[name, of_tensor] : moments_of) {
        check_interrupt();
        const Checkpoint::Entry &entry = moments->tensors.at(name);
        found.moments[name] =
            check_moments(name, entry, of_tensor.cols, threads, &of_tensor.say_anything);
        entry.end_reading();
        progress.add(entry.tensor->bytes);
        const auto silent =
            std::count(of_tensor.say_anything.begin(), of_tensor.say_anything.end(), uint8_t{0});
        if (silent)
            notices.push_back(std::to_string(silent) + " of the moments of '" + name +
                              "' are all zero: these are quantized by the method 'fisher'");
    }
    for (const auto &[name, tensor] : planned.file.tensors) {
        bool any_nan = false;
        const Checkpoint::Entry &entry = model.tensors.at(name);
        found.model[name] = check_plain(entry, threads, &any_nan);
        if (entry.tensor->dtype != dtype_name(tensor.dtype)) plain_bytes(name, entry);  // if it can
        entry.end_reading();
        if (any_nan) notices.push_back("plain tensor '" + name + "' holds a NaN");
    }
}

void QuantizeJob::take_part(const StoredPlan &stored, uint64_t begin, uint64_t end) {
    for (const auto &[name, recipe] : stored.recipes)
        if (planned.matrices.contains(name)) change_recipe(&planned, name, recipe);
    planned.file.metadata[kChoiceKey] = choice_json(planned);
    const uint64_t layers = count_layers(planned);
    if (begin >= end || end > layers)
        throw UsageError("--layers: the plan has the layers 0:" + std::to_string(layers));
    if (fingerprint_of(planned, stored.checksums) != stored.fingerprint)
        throw DataError(options.plan + ": the inputs or this densq are not those of the plan");
    planned.file.metadata[kPartKey] = part_json(
        {stored.fingerprint, static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
         static_cast<uint32_t>(layers), planned.file.matrices.size(), planned.file.tensors.size()});
    const auto elsewhere = [&](const std::string &tensor) {
        return layer_of(tensor) < begin || layer_of(tensor) >= end;
    };
    std::erase_if(planned.matrices,
                  [&](const auto &matrix) { return elsewhere(matrix.second.origin.tensor); });
    std::erase_if(planned.file.matrices,
                  [&](const auto &matrix) { return !planned.matrices.contains(matrix.first); });
    std::erase_if(planned.file.tensors,
                  [&](const auto &tensor) { return elsewhere(tensor.first); });
    std::erase_if(quantized_tensors, [&](const auto &tensor) { return elsewhere(tensor.first); });
    std::erase_if(moments_of, [&](const auto &tensor) { return elsewhere(tensor.first); });
    check_values();
    for (const auto &[given, planned_sums] :
         {std::pair(&found.model, &stored.checksums.model),
          std::pair(&found.gradients, &stored.checksums.gradients),
          std::pair(&found.moments, &stored.checksums.moments)})
        for (const auto &[name, checksum] : *given)
            if (planned_sums->at(name) != checksum)
                throw DataError("tensor '" + name + "' has changed since " + options.plan +
                                " was written");
}

std::vector<std::string> QuantizeJob::add_all(FileWriter *writer) const {
    uint64_t weights = 0;
    for (const auto &[name, matrix] : planned.file.matrices)
        weights += uint64_t{matrix.rows} * matrix.cols;
    ProgressBar progress(weights, options.quiet);
    ModelNotes notes;
    for (const auto &[name, matrix] : planned.file.matrices) {
        check_interrupt();
        progress.begin(name);
        if (writer->keep_matrix(name)) {
            progress.add(uint64_t{matrix.rows} * matrix.cols);
            continue;
        }
        const QuantizationResult result = quantize(name, &progress);
        notes.add(name, result.notes);
        writer->add_matrix(name, result.matrix);
    }
    for (const auto &[name, tensor] : planned.file.tensors) {
        check_interrupt();
        const Checkpoint::Entry &entry = model.tensors.at(name);
        const PlainBytes plain = plain_bytes(name, entry);
        writer->add_tensor(name, plain.data, plain.bytes);
        entry.end_reading();
    }
    return notes.warnings();
}

InputEntries QuantizeJob::inputs_of(const PlannedMatrix &matrix) const {
    const std::string &tensor = matrix.origin.tensor;
    InputEntries entries = {&model.tensors.at(tensor), nullptr, nullptr};
    if (quantized_tensors.at(tensor)) entries.gradients = &gradients->tensors.at(tensor);
    const auto of_tensor = moments_of.find(tensor);
    if (of_tensor != moments_of.end() && of_tensor->second.say_anything.at(matrix.origin.slice))
        entries.moments = &moments->tensors.at(tensor);
    return entries;
}

// Calls work(inputs, recipe) for a matrix; without moments it is left to the paper's method.
template <typename Work>
void QuantizeJob::with_inputs(const std::string &name, Work work) const {
    const PlannedMatrix &matrix = planned.matrices.at(name);
    const InputEntries entries = inputs_of(matrix);
    const MatrixInputs inputs(entries, matrix.origin, planned.file.matrices.at(name), threads);
    MatrixRecipe recipe = matrix.recipe;
    if (!entries.moments) recipe.method = kFisherMethod;
    try {
        work(inputs.source(), recipe);
    } catch (const NoSecondMoments &) {
        throw DataError(entries.moments->describe(matrix.origin.tensor) +
                        ": these are no second moments: they are not positive semidefinite");
    }
    inputs.end_reading();
}

Workers QuantizeJob::workers_for(uint64_t cols, ProgressBar *progress) const {
    return {threads, [=](uint32_t rows) {
                check_interrupt();
                progress->add(rows * cols);
            }};
}

QuantizationResult QuantizeJob::quantize(const std::string &name, ProgressBar *progress) const {
    QuantizationResult quantized;
    with_inputs(name, [&](const MatrixSource &source, const MatrixRecipe &recipe) {
        quantized = quantize_matrix(source, recipe, workers_for(source.cols, progress));
    });
    return quantized;
}

void QuantizeJob::spend_budget() {
    if (budgets.empty()) return;
    uint64_t weights = 0;
    for (const auto &[name, matrix] : planned.matrices)
        if (matrix.budget) weights += tried_weights(planned.file.matrices.at(name), matrix.recipe);
    ProgressBar progress(weights, options.quiet);
    for (const auto &entry : planned.matrices) {
        const std::string &name = entry.first;
        if (!entry.second.budget) continue;
        ModelBudget &budget = budgets.at(*entry.second.budget);
        progress.begin("trying " + name);
        with_inputs(name, [&](const MatrixSource &source, const MatrixRecipe &recipe) {
            budget.add(name, source, recipe, workers_for(source.cols, &progress));
        });
    }
    for (const auto &[shared, budget] : budgets) budget.spend(&planned);
    planned.file.metadata[kChoiceKey] = choice_json(planned);
}

}  // namespace densq::tool
