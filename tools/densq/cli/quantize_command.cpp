// SPDX-License-Identifier: MIT
// quantize_command.cpp - densq quantize: from weights and squared gradients to a densq file.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <thread>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_reports.hpp"
#include "progress_bar.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/format/input_file.hpp"
#include "tools/densq/format/model_json.hpp"
#include "tools/densq/format/plain_tensor.hpp"
#include "tools/densq/quantize/model_plan.hpp"
#include "tools/densq/quantize/quantize_matrix.hpp"
#include "tools/densq/quantize/weight_checks.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

// The files of a model's folder that are copied into the metadata.
constexpr const char *kTexts[] = {"config.json", "generation_config.json",
                                  "special_tokens_map.json", "tokenizer.json",
                                  "tokenizer_config.json"};

// "0.45%" or "0.45", both in percent, as a fraction.
double parse_percent(const std::string &text, const char *option) {
    size_t end = 0;
    double percent = NAN;
    try {
        percent = std::stod(text, &end);
    } catch (const std::exception &) {
    }
    const std::string unit = text.substr(end);
    if ((unit.empty() || unit == "%" || unit == " %") && percent >= 0 && percent <= 100)
        return percent / 100;
    throw UsageError(std::string(option) + ": '" + text + "' is no percentage from 0% to 100%");
}

TensorSelection make_selection(const QuantizeOptions &options) {
    TensorSelection selection = {options.bits, options.include, options.exclude, options.drop, {}};
    for (const std::string &text : options.bits_for) {
        const size_t equals = text.rfind('=');
        const std::string bits = equals == std::string::npos ? "" : text.substr(equals + 1);
        const std::optional<uint32_t> width = parse_width(bits);
        if (!width)
            throw UsageError("--bits-for: '" + text + "' is not PATTERN=BITS with BITS from " +
                             std::to_string(DENSQ_MIN_BITS) + " to " +
                             std::to_string(DENSQ_MAX_BITS));
        selection.bits_for.emplace_back(text.substr(0, equals), *width);
    }
    return selection;
}

// The part of the recipe that is the same for all matrices.
MatrixRecipe make_recipe(const QuantizeOptions &options) {
    MatrixRecipe recipe = {};
    recipe.outliers = parse_percent(options.outliers, "--outliers");
    recipe.sensitive = options.unweighted ? 0 : parse_percent(options.sensitive, "--sensitive");
    return recipe;
}

class Quantization {
public:
    explicit Quantization(const QuantizeOptions &options_)
        : options(options_), selection(make_selection(options)),
          model(options.model, {"model.safetensors"}), recipe(make_recipe(options)) {
        const uint32_t cores = std::thread::hardware_concurrency();
        threads = options.threads ? options.threads : cores ? cores : 1;
        make_plan();
        if (!plan.file.matrices.empty() && !options.unweighted) open_gradients();
        refuse_overwriting_input();
    }

    void run() {
        uint64_t rows = 0;
        for (const auto &[name, matrix] : plan.file.matrices) rows += matrix.rows;
        for (const std::string &notice : model.notices)
            std::fprintf(stderr, "densq: notice: %s\n", notice.c_str());
        {
            FileWriter writer(options.output, plan.file);
            ProgressBar progress(rows, options.quiet);
            for (const auto &[name, matrix] : plan.file.matrices) {
                progress.begin(name);
                writer.add_matrix(name, quantize(name, matrix, &progress));
            }
            for (const auto &[name, tensor] : plan.file.tensors) {
                check_interrupt();
                const Checkpoint::Entry &entry = model.tensors.at(name);
                const PlainBytes plain = plain_bytes(name, entry);
                writer.add_tensor(name, plain.data, plain.bytes);
                forget(entry);
            }
            check_interrupt();
            model.require_whole();
            if (gradients) gradients->require_whole();
            writer.finish();
        }
        for (const std::string &warning : warnings)
            std::fprintf(stderr, "densq: warning: %s\n", warning.c_str());
    }

    void print_summary(double seconds) const {
        uint64_t weights = 0, nnz = 0;
        for (const auto &[name, matrix] : plan.file.matrices) {
            weights += static_cast<uint64_t>(matrix.rows) * matrix.cols;
            nnz += matrix.nnz;
        }
        std::printf("%s: %zu matrices (%.1f million weights, %.2f %% of them sparse), %zu plain "
                    "tensors, %.1f MB, %.1f s\n",
                    options.output.c_str(), plan.file.matrices.size(),
                    static_cast<double>(weights) / 1e6,
                    weights ? 100 * static_cast<double>(nnz) / static_cast<double>(weights) : 0.0,
                    plan.file.tensors.size(),
                    static_cast<double>(fs::file_size(options.output)) / 1e6, seconds);
    }

private:
    void make_plan() {
        if (selection.include.empty() && selection.bits_for.empty())
            refuse_transposed(read_text(model.folder / "config.json").value_or(""));
        plan = plan_model(model, selection, recipe);
        for (const char *file : kTexts)
            if (std::optional<std::string> text = read_text(model.folder / file)) {
                if (fs::path(file).extension() == ".json") require_json(model.folder / file, *text);
                plan.file.metadata[file] = std::move(*text);
            }
        if (plan.file.metadata.contains("config.json"))
            plan.file.metadata["config.json"] =
                remove_quantization(plan.file.metadata["config.json"]);
        plan.file.metadata["densq.tool"] = "densq " + version_text();
        plan.file.metadata["densq.options"] = options_json(options);
    }

    void open_gradients() {
        if (options.gradients.empty())
            throw UsageError("--gradients is missing; without gradients say --unweighted");
        gradients.emplace(options.gradients,
                          std::vector<std::string>{"gradients.safetensors", "model.safetensors"},
                          Checkpoint::Content::gradients);
        // Checked now, so that the user need not wait for hours to learn it.
        for (const auto &[name, matrix] : plan.file.matrices)
            require_gradients(name, *model.tensors.at(name).tensor, *gradients);
    }

    void refuse_overwriting_input() const {
        std::vector<fs::path> inputs = model.inputs;
        if (gradients)
            inputs.insert(inputs.end(), gradients->inputs.begin(), gradients->inputs.end());
        for (const char *file : kTexts) inputs.push_back(model.folder / file);
        std::error_code ignored;
        for (const fs::path &input : inputs)
            if (fs::equivalent(input, options.output, ignored))
                throw UsageError("the output " + options.output + " is one of the inputs");
    }

    QuantizedMatrix quantize(const std::string &name, const MatrixPlan &matrix,
                             ProgressBar *progress) {
        const Checkpoint::Entry &weights = model.tensors.at(name);
        check_weights(name, weights, threads);
        MatrixSource source = {matrix.rows, matrix.cols, reader_of(weights), {}};
        if (gradients) {
            const Checkpoint::Entry &entry = gradients->tensors.at(name);
            if (check_gradients(name, entry, threads))
                source.gradients = reader_of(entry);
            else
                warnings.push_back("the gradients of '" + name +
                                   "' are all zero: every weight counts the same");
        }
        QuantizedMatrix quantized =
            quantize_matrix(source, plan.recipes.at(name), {threads, [&](uint32_t rows) {
                                                                check_interrupt();
                                                                progress->add(rows);
                                                            }});
        forget(weights);
        if (gradients) forget(gradients->tensors.at(name));
        return quantized;
    }

    static RowReader reader_of(const Checkpoint::Entry &entry) {
        return [&entry](uint32_t row, float *out) { entry.read_row(row, out); };
    }

    static void forget(const Checkpoint::Entry &entry) { entry.file->forget(*entry.tensor); }

    const QuantizeOptions &options;
    const TensorSelection selection;
    const Checkpoint model;
    const MatrixRecipe recipe;
    std::optional<Checkpoint> gradients;
    uint32_t threads;
    ModelPlan plan;
    std::vector<std::string> warnings;
};

}  // namespace

void quantize_command(const QuantizeOptions &options) {
    catch_interrupts();
    const auto begin = std::chrono::steady_clock::now();
    Quantization quantization(options);
    quantization.run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!options.quiet) quantization.print_summary(seconds.count());
}

}  // namespace densq::tool
