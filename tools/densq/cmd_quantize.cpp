// SPDX-License-Identifier: MIT
// cmd_quantize.cpp - densq quantize: from weights and squared gradients to a densq file.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "checkpoint.hpp"
#include "commands.hpp"
#include "handles.hpp"
#include "interrupt.hpp"
#include "matrix.hpp"
#include "parallel.hpp"
#include "progress.hpp"
#include "selection.hpp"
#include "widths.hpp"
#include "writer.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::string model, gradients, output;
    uint32_t bits = 4;
    std::string outliers = "0.40%", sensitive = "0.05%";
    std::vector<std::string> include, exclude, drop, bits_for;
    bool unweighted = false, quiet = false;
    uint32_t threads = 0;
};

// Files of a model's folder that travel in the metadata.
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

Selection make_selection(const Options &options) {
    Selection selection = {options.bits, options.include, options.exclude, options.drop, {}};
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

std::string describe(const std::string &name, const Checkpoint::Entry &entry) {
    return entry.file->path.string() + ": tensor '" + name + "'";
}

// Reads row `row` of a matrix.
void read_row(const Checkpoint::Entry &entry, uint32_t row, float *out) {
    const uint64_t cols = entry.tensor->shape[1];
    read_floats(*entry.tensor, row * cols, (row + 1) * cols, out);
}

// Whether any element of a matrix is(element, value), asked about all of them.
template <typename Is>
bool has_any(const Checkpoint::Entry &entry, uint32_t threads, Is is) {
    const uint64_t cols = entry.tensor->shape[1];
    std::atomic<bool> any = false;
    for_each_index(static_cast<uint32_t>(entry.tensor->shape[0]), threads, [&](uint32_t row) {
        std::vector<float> values(cols);
        read_row(entry, row, values.data());
        bool here = false;
        for (uint64_t col = 0; col < cols; ++col) here |= is(row * cols + col, values.data()[col]);
        if (here) any = true;
    });
    return any;
}

// Weights must be finite and within fp16, which holds the sparse values.
void check_weights(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads) {
    has_any(entry, threads, [&](uint64_t element, float weight) {
        if (std::abs(weight) <= 65504.0f) return true;
        throw DataError(describe(name, entry) + ", element " + std::to_string(element) + ": " +
                        std::to_string(weight) + " is not finite or beyond fp16's 65504");
    });
}

// There must be gradients for a tensor of the model, of its shape.
void require_gradients(const std::string &name, const SafeTensor &weights,
                       const Checkpoint &gradients) {
    const auto found = gradients.tensors.find(name);
    if (found == gradients.tensors.end())
        throw DataError(gradients.inputs[0].string() + ": has no tensor '" + name +
                        "'; give gradients of the same model, or --unweighted");
    const SafeTensor &tensor = *found->second.tensor;
    if (!is_float(tensor))
        throw DataError(describe(name, found->second) + ": dtype " + tensor.dtype +
                        " is not F32, F16 or BF16");
    if (tensor.shape != weights.shape)
        throw DataError(describe(name, found->second) + ": shape " + tensor.shape_text() +
                        ", the model's is " + weights.shape_text());
}

// Squared gradients must be finite and not negative.  Returns whether any is above zero.
bool check_gradients(const std::string &name, const Checkpoint::Entry &entry, uint32_t threads) {
    return has_any(entry, threads, [&](uint64_t element, float gradient) {
        if (gradient >= 0 && !std::isinf(gradient)) return gradient > 0;
        throw DataError(describe(name, entry) + ", element " + std::to_string(element) + ": " +
                        std::to_string(gradient) +
                        " is negative or not finite; this tensor looks like weights, not "
                        "squared gradients");
    });
}

class Quantization {
public:
    explicit Quantization(const Options &options_)
        : options(options_), selection(make_selection(options)),
          model(options.model, {"model.safetensors"}) {
        matrix_options.outliers = parse_percent(options.outliers, "--outliers");
        matrix_options.sensitive =
            options.unweighted ? 0 : parse_percent(options.sensitive, "--sensitive");
        const uint32_t cores = std::thread::hardware_concurrency();
        matrix_options.threads = options.threads ? options.threads : cores ? cores : 1;
        make_plan();
        if (!plan.matrices.empty() && !options.unweighted) open_gradients();
        refuse_overwriting_input();
    }

    void run() {
        uint64_t rows = 0;
        for (const auto &[name, matrix] : plan.matrices) rows += matrix.rows;
        {
            Writer writer(options.output, plan);
            Progress progress(rows, options.quiet);
            for (const auto &[name, matrix] : plan.matrices) {
                progress.begin(name);
                writer.add_matrix(name, quantize(name, matrix, &progress));
            }
            for (const auto &[name, tensor] : plan.tensors) {
                check_interrupt();
                const Checkpoint::Entry &entry = model.tensors.at(name);
                writer.add_tensor(name, entry.tensor->data, entry.tensor->bytes);
                entry.file->forget(*entry.tensor);
            }
            check_interrupt();
            writer.finish();
        }
        for (const std::string &warning : warnings)
            std::fprintf(stderr, "densq: warning: %s\n", warning.c_str());
    }

    void print_summary(double seconds) const {
        uint64_t weights = 0, nnz = 0;
        for (const auto &[name, matrix] : plan.matrices) {
            weights += static_cast<uint64_t>(matrix.rows) * matrix.cols;
            nnz += matrix.nnz;
        }
        std::printf(
            "%s: %zu matrices (%.1f million weights, %.2f %% of them sparse), %zu plain "
            "tensors, %.1f MB, %.1f s\n",
            options.output.c_str(), plan.matrices.size(), static_cast<double>(weights) / 1e6,
            weights ? 100 * static_cast<double>(nnz) / static_cast<double>(weights) : 0.0,
            plan.tensors.size(), static_cast<double>(fs::file_size(options.output)) / 1e6, seconds);
    }

private:
    void make_plan() {
        if (selection.include.empty() && selection.bits_for.empty())
            refuse_transposed(read_text(model.folder / "config.json"));
        for (const auto &[name, entry] : model.tensors) {
            if (selection.drops(name)) continue;
            if (const uint32_t bits = selection.bits_of(name, *entry.tensor))
                plan_matrix(name, *entry.tensor, bits);
            else
                plan_tensor(name, *entry.tensor);
        }
        for (const char *file : kTexts)
            if (std::string text = read_text(model.folder / file); !text.empty())
                plan.metadata[file] = std::move(text);
        plan.metadata["densq.tool"] = "densq " + version_text();
        plan.metadata["densq.options"] = options_text();
    }

    void plan_matrix(const std::string &name, const SafeTensor &tensor, uint32_t bits) {
        const uint64_t nnz = count_nonzeros(tensor.elements(), matrix_options);
        if (nnz > DENSQ_MAX_NNZ)
            throw DataError("tensor '" + name + "': " + std::to_string(nnz) +
                            " sparse values are more than a matrix can have; lower --outliers");
        plan.matrices[name] = {static_cast<uint32_t>(tensor.shape[0]),
                               static_cast<uint32_t>(tensor.shape[1]), bits,
                               static_cast<uint32_t>(nnz)};
    }

    void plan_tensor(const std::string &name, const SafeTensor &tensor) {
        const std::string advice = "; leave the tensor out with --drop '" + name + "'";
        if (!is_float(tensor))
            throw DataError("tensor '" + name + "': a densq file cannot hold dtype " +
                            tensor.dtype + advice);
        TensorPlan planned = {tensor.dtype == "F32"   ? DENSQ_F32
                              : tensor.dtype == "F16" ? DENSQ_F16
                                                      : DENSQ_BF16,
                              {}};
        for (const uint64_t dimension : tensor.shape)
            planned.shape.push_back(static_cast<uint32_t>(dimension));
        if (tensor.shape.size() > DENSQ_MAX_TENSOR_DIMENSIONS || tensor.elements() == 0 ||
            tensor.elements() > DENSQ_MAX_TENSOR_ELEMENTS ||
            std::any_of(tensor.shape.begin(), tensor.shape.end(),
                        [](uint64_t dimension) { return dimension > UINT32_MAX; }))
            throw DataError("tensor '" + name + "': a densq file cannot hold shape " +
                            tensor.shape_text() + advice);
        plan.tensors[name] = planned;
    }

    std::string options_text() const {
        nlohmann::ordered_json json;
        json["bits"] = options.bits;
        json["outliers"] = options.outliers;
        json["sensitive"] = options.unweighted ? "0%" : options.sensitive;
        json["weighted"] = !options.unweighted;
        if (!options.bits_for.empty()) json["bits_for"] = options.bits_for;
        return json.dump();
    }

    void open_gradients() {
        if (options.gradients.empty())
            throw UsageError("--gradients is missing; without gradients say --unweighted");
        gradients.emplace(options.gradients,
                          std::vector<std::string>{"gradients.safetensors", "model.safetensors"});
        // Now, not after hours.
        for (const auto &[name, matrix] : plan.matrices)
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
                             Progress *progress) {
        const Checkpoint::Entry &weights = model.tensors.at(name);
        check_weights(name, weights, matrix_options.threads);
        const Checkpoint::Entry *weighting = nullptr;
        RowReader read_gradients;
        if (gradients) {
            weighting = &gradients->tensors.at(name);
            if (check_gradients(name, *weighting, matrix_options.threads))
                read_gradients = [=](uint32_t row, float *out) { read_row(*weighting, row, out); };
            else
                warnings.push_back("the gradients of '" + name +
                                   "' are all zero: every weight counts the same");
        }
        matrix_options.bits = matrix.bits;
        QuantizedMatrix quantized =
            quantize_matrix([&](uint32_t row, float *out) { read_row(weights, row, out); },
                            read_gradients, matrix.rows, matrix.cols, matrix_options,
                            [&](uint32_t rows) {
                                check_interrupt();
                                progress->add(rows);
                            });
        weights.file->forget(*weights.tensor);
        if (weighting) weighting->file->forget(*weighting->tensor);
        return quantized;
    }

    const Options options;
    const Selection selection;
    const Checkpoint model;
    std::optional<Checkpoint> gradients;
    MatrixOptions matrix_options = {};
    FilePlan plan;
    std::vector<std::string> warnings;
};

void quantize(const Options &options) {
    catch_interrupts();
    const auto begin = std::chrono::steady_clock::now();
    Quantization quantization(options);
    quantization.run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!options.quiet) quantization.print_summary(seconds.count());
}

}  // namespace

void add_quantize(CLI::App &app) {
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand("quantize", "Quantize a model's linear layers");
    command
        ->add_option("--model", options->model,
                     "folder with model.safetensors or its shards, or a .safetensors file")
        ->required();
    command->add_option("--gradients", options->gradients,
                        "squared gradients of the same names and shapes: a folder or a file");
    command->add_option("--bits", options->bits, "bits of a code: 2, 3 or 4")
        ->check(CLI::Range(int{DENSQ_MIN_BITS}, int{DENSQ_MAX_BITS}))
        ->capture_default_str();
    command
        ->add_option("--outliers", options->outliers,
                     "share of each matrix's largest weights that goes to the sparse part, in "
                     "percent")
        ->capture_default_str();
    command
        ->add_option("--sensitive", options->sensitive,
                     "share of each matrix's most sensitive weights, taken first, in percent")
        ->capture_default_str();
    command
        ->add_option("--include", options->include,
                     "names of tensors to quantize, a glob; default: the linear layers")
        ->allow_extra_args(false);
    command->add_option("--exclude", options->exclude, "names of tensors to keep plain, a glob")
        ->allow_extra_args(false);
    command->add_option("--drop", options->drop, "names of tensors to leave out, a glob")
        ->allow_extra_args(false);
    command
        ->add_option("--bits-for", options->bits_for,
                     "GLOB=BITS: other bits for some tensors, which are quantized in any case")
        ->allow_extra_args(false);
    command->add_flag("--unweighted", options->unweighted,
                      "no gradients: every weight counts the same, none is sensitive");
    command->add_option("--threads", options->threads, "default: all cores");
    command->add_flag("--quiet", options->quiet, "no progress bar and no summary");
    command->add_option("-o,--output", options->output, "the densq file to write")->required();
    command->footer("Example:\n  densq quantize --model llama --gradients llama-gradients --bits 3 "
                    "--outliers 0.40% --sensitive 0.05% -o llama-3bit.densq");
    command->callback([options] { quantize(*options); });
}

}  // namespace densq::tool
