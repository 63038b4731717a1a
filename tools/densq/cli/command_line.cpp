// SPDX-License-Identifier: MIT
// command_line.cpp - all options in one file, the only one that includes CLI11, which takes long to
// compile.
#include "command_line.hpp"

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "nearest_word.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/measure/compute_device.hpp"
#include "tools/densq/measure/matrix_image.hpp"
#include "tools/densq/quantize/quantize_matrix.hpp"

namespace densq::tool {
namespace {

std::string describe_version() {
    std::string text = "densq " + version_text() + ", backends:";
    for (const std::string &name : cpu_backends()) text += " " + name;
    return text;
}

std::string without_percent_sign(std::string text) {
    if (!text.empty() && text.back() == '%') text.pop_back();
    return text;
}

class CommandLine {
public:
    CommandLine() : app("Dense-and-sparse quantization of language models (SqueezeLLM)") {
        app.name("densq");
        app.set_version_flag("--version", describe_version());
        app.require_subcommand(1);
        app.footer("densq help COMMAND shows the options of a command.");
        add_quantize();
        add_merge();
        add_info();
        add_export();
        add_verify();
        add_bench();
        add_selftest();
    }

    int run(std::vector<std::string> words) {
        if (!words.empty() && words[0] == "help") {
            words.erase(words.begin());
            words.emplace_back("--help");
        }
        try {
            app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // last one first
            return 0;
        } catch (const CLI::ParseError &error) {
            refuse_unknown_words();
            return app.exit(error) == 0 ? 0 : 2;
        }
    }

private:
    // UsageError if a word is no command or no option.  That comes before what CLI11 finds wrong: a
    // mistyped option that is required is also missing.
    void refuse_unknown_words() {
        const auto chosen = app.get_subcommands();
        for (const std::string &word : app.remaining(true)) {
            const std::string name = word.substr(0, word.find('='));
            if (name[0] == '-')
                refuse("option", name, option_names(chosen.empty() ? app : *chosen[0]));
            if (chosen.empty()) refuse("command", name, command_names());
        }
    }

    [[noreturn]] static void refuse(const std::string &kind, const std::string &word,
                                    const std::vector<std::string> &known) {
        const std::string meant = nearest_word(word, known);
        throw UsageError("there is no " + kind + " '" + word + "'" +
                         (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
                         "\nRun with --help for more information.");
    }

    std::vector<std::string> command_names() {
        std::vector<std::string> names;
        for (const CLI::App *command : app.get_subcommands({}))
            names.push_back(command->get_name());
        return names;
    }

    static std::vector<std::string> option_names(const CLI::App &command) {
        std::vector<std::string> names;
        for (const CLI::Option *option : command.get_options())
            for (const std::string &name : option->get_lnames()) names.push_back("--" + name);
        return names;
    }

    void add_quantize() {
        CLI::App *command = app.add_subcommand("quantize", "Quantize a model's linear layers");
        command->add_option("--model", quantize.model,
                            "folder with model.safetensors or its shards, or a .safetensors file");
        command->add_option("--gradients", quantize.gradients,
                            "squared gradients of the same names and shapes: a folder or a file");
        command->add_option("--moments", quantize.moments,
                            "second moments of the layers' inputs: a folder or a file");
        const std::vector<CLI::Option *> planned = add_what_a_plan_states(command);
        command->add_option("--threads", quantize.threads, "default: all cores");
        const auto plan = command->add_option(
            "--plan", quantize.plan,
            "a file for the plan, so that several machines quantize parts of it");
        const auto layers =
            command->add_option("--layers", quantize.layers,
                                "FIRST:END: quantize these layers of the plan; see densq merge");
        for (CLI::Option *option : planned) layers->excludes(option);
        command
            ->add_flag("--dry-run", quantize.dry_run,
                       "print the plan and the size of the file, and write nothing")
            ->excludes(plan);
        command->add_flag("--quiet", quantize.quiet, "no progress bar, no plan and no summary");
        add_output(command, &quantize.output, &quantize.resume);
        command->footer(
            "Example:\n  densq quantize --model llama --gradients llama-gradients --bits 3 "
            "--outliers 0.40% --sensitive 0.05% -o llama-3bit.densq");
        command->callback([this] { quantize_command(quantize); });
    }

    std::vector<CLI::Option *> add_what_a_plan_states(CLI::App *command) {
        const auto add_globs = [&](const char *name, std::vector<std::string> *globs,
                                   const char *text) {
            return command->add_option(name, *globs, text)->allow_extra_args(false);
        };
        const auto bits = command->add_option("--bits", quantize.bits, "bits of a code: 2, 3 or 4")
                              ->check(CLI::Range(int{DENSQ_MIN_BITS}, int{DENSQ_MAX_BITS}))
                              ->capture_default_str();
        return {
            bits,
            command
                ->add_option("--budget", quantize.budget,
                             "bits of a weight in the mean, tables and sparse part included, like "
                             "3.25: bits and sparse share of each matrix by what they cost the "
                             "model")
                ->excludes(bits),
            command
                ->add_option("--method", quantize.method,
                             "fisher: the paper's; moments: the least change of the layers' "
                             "outputs (default: moments with --moments, else fisher)")
                ->check(CLI::IsMember(method_names())),
            command
                ->add_option("--outliers", quantize.outliers,
                             "share of each matrix's largest weights that goes to the sparse "
                             "part, in percent")
                ->capture_default_str(),
            command
                ->add_option("--sensitive", quantize.sensitive,
                             "share of each matrix's most sensitive weights, taken first, in "
                             "percent")
                ->capture_default_str(),
            command
                ->add_option("--select", quantize.select,
                             "what the sparse part is: magnitude: as the two options above say; "
                             "error: as many weights as they say, those that codes hold worst "
                             "(default: magnitude with fisher, else error)")
                ->check(CLI::IsMember({kSelectMagnitude, kSelectError})),
            add_globs("--include", &quantize.include,
                      "names of tensors to quantize, a glob; default: by structure"),
            add_globs("--exclude", &quantize.exclude, "names of tensors to keep plain, a glob"),
            add_globs("--drop", &quantize.drop, "names of tensors to leave out, a glob"),
            add_globs(
                "--bits-for", &quantize.bits_for,
                "GLOB=BITS: other bits for some tensors, which are quantized in any case; with a "
                "point, like 3.25, a budget of their own"),
            command
                ->add_option("--expert-layout", quantize.expert_layout,
                             "how stacks of experts lie, where the model does not tell")
                ->check(CLI::IsMember({"out-in", "in-out"})),
            command->add_flag("--unweighted", quantize.unweighted,
                              "no gradients: every weight counts the same, none is sensitive")};
    }

    static CLI::Option *add_output(CLI::App *command, std::string *output, bool *resume) {
        command->add_flag("--resume", *resume,
                          "go on with the OUTPUT.partial that an ended run has left");
        return command->add_option("-o,--output", *output, "the densq file to write");
    }

    void add_merge() {
        CLI::App *command = app.add_subcommand("merge", "Make one file of parts of a model");
        command->add_option("PART", merge.parts, "densq files made with quantize --layers")
            ->required();
        add_output(command, &merge.output, &merge.resume)->required();
        command->add_flag("--quiet", merge.quiet, "no progress bar and no summary");
        command->footer("The result has the same bytes as the file that one run makes.\n"
                        "Example:\n  densq merge -o llama.densq part-*.densq");
        command->callback([this] { merge_command(merge); });
    }

    void add_info() {
        CLI::App *command = app.add_subcommand("info", "Show what a densq file holds");
        command->add_option("FILE", info.file, "a densq file")->required();
        const auto all = command->add_flag("--all", info.all, "every matrix, tensor and text");
        const auto json = command->add_flag("--json", info.json, "JSON instead of a report");
        const auto plot =
            command
                ->add_option("--plot", info.plot, "an SVG file to draw bits and sparse share into")
                ->type_name("FILE.svg");
        command
            ->add_option("--metadata", info.metadata, "print the value of this entry and no more")
            ->type_name("KEY")
            ->excludes(all)
            ->excludes(json)
            ->excludes(plot);
        const auto model = command->add_option(
            "--model", info.model, "the original model: also draw the weights of one of its rows");
        model->needs(plot);
        command->add_option("--matrix", info.matrix, "that row's matrix (default: the first one)")
            ->needs(model);
        command->add_option("--row", info.row, "which row of it")
            ->needs(model)
            ->capture_default_str();
        command->footer("Bits per weight count codes, LUTs, sparse values, column indices, row "
                        "pointers and padding.\nChecksums are not read: see densq verify.");
        command->callback([this] { info_command(info); });
    }

    void add_export() {
        CLI::App *command = app.add_subcommand(
            "export", "Make a Hugging Face folder of a densq file: decoded weights and all texts");
        command->add_option("FILE", exported.file, "a densq file")->required();
        command->add_option("FOLDER", exported.folder, "a new folder")->required();
        command
            ->add_option("--dtype", exported.dtype,
                         "F16, BF16 or F32 for all tensors (default: matrices as the config says, "
                         "else F32; plain tensors as they are)")
            ->transform(CLI::IsMember({"F16", "BF16", "F32"}, CLI::ignore_case))
            ->type_name("DTYPE");
        command
            ->add_option("--shard-size", exported.shard_size,
                         "most bytes of tensors in a file, like 500MB")
            ->transform(CLI::AsSizeValue(true))
            ->type_name("SIZE")
            ->capture_default_str();
        command->add_flag("--quiet", exported.quiet, "no progress bar and no summary");
        command->footer("transformers loads the folder: AutoModelForCausalLM.from_pretrained.");
        command->callback([this] { export_command(exported); });
    }

    void add_verify() {
        CLI::App *command =
            app.add_subcommand("verify", "Prove that a densq file is whole and keeps every rule");
        command->add_option("FILE", verified_file, "a densq file")->required();
        command->footer(
            "Checks all sizes, offsets, indices, padding, floats and CRC-32C checksums.\n"
            "Exits with 1 and says what is wrong, and where, at the first fault.");
        command->callback([this] { verify_command(verified_file); });
    }

    // "1,2" or the option again; spares FILE.
    static CLI::Option *list(CLI::Option *option) {
        return option->delimiter(',')->allow_extra_args(false);
    }

    void add_bench() {
        CLI::App *command = app.add_subcommand(
            "bench", "Measure every backend beside plain reading of the same bytes");
        command->add_option("FILE", bench.file, "densq file")->check(CLI::ExistingFile);
        command->add_option("--matrix", bench.pattern, "Only matrices of FILE with such a name")
            ->type_name("PATTERN");
        add_synthetic(command);
        list(command->add_option("--backend", bench.backends,
                                 "CPU backends (default: all usable), or one GPU"))
            ->check(backend_problem);
        list(command->add_option("--precision", bench.precisions,
                                 "Precisions of the dense part (default: all of the backends)"))
            ->check(CLI::IsMember(precision_names()));
        list(command->add_option("--threads", bench.threads, "Threads (default: 1 and all CPUs)"))
            ->check(CLI::Range(1, 1024));
        list(command->add_option("--batch", bench.batches,
                                 "Activation vectors per call (default: 1)"))
            ->check(CLI::Range(1, 65536));
        command->add_option("--seconds", bench.seconds, "Measured per matrix and number of threads")
            ->check(CLI::PositiveNumber)
            ->capture_default_str();
        command
            ->add_option("--attempts", bench.attempts,
                         "Measure so often at most, while other processes disturb it")
            ->check(CLI::Range(1, 100))
            ->capture_default_str();
        const auto cold = command->add_option(
            "--cold-bytes", bench.cold_bytes,
            "Take turns on copies of this size in all (default: 4 times the L3 cache, >= 512 MiB)");
        cold->transform(CLI::AsSizeValue(false))->type_name("SIZE");
        command->add_flag("--warm", bench.warm, "One copy, so that it stays in the cache")
            ->excludes(cold);
        command->add_flag("--huge-pages", bench.huge_pages, "Keep the copies in huge pages");
        command->add_flag("--json", bench.json, "Print JSON");
        command->callback([this] { bench_command(bench); });
    }

    void add_synthetic(CLI::App *command) {
        list(command->add_option("--synthetic", bench.shapes, "Random matrices instead of FILE"))
            ->type_name("ROWSxCOLS");
        list(command->add_option("--bits", bench.bits, "Bits of the random matrices"))
            ->check(CLI::IsMember(all_widths()))
            ->capture_default_str();
        command->add_option("--nnz", bench.nnz_percent, "Nonzeros of the random matrices, percent")
            ->transform(without_percent_sign)
            ->check(CLI::Range(0.0, 100.0))
            ->capture_default_str();
        std::vector<std::string> placements;
        for (const auto &[name, placement] : nonzero_placements()) placements.push_back(name);
        list(command->add_option("--nonzeros", bench.nonzeros,
                                 "Where random matrices have them: even, full-rows, full-columns"))
            ->check(CLI::IsMember(placements))
            ->capture_default_str();
    }

    void add_selftest() {
        CLI::App *command = app.add_subcommand(
            "selftest", "Multiply made-up matrices and compare with sums in double");
        command
            ->add_option("--backend", selftest.backends,
                         "Only these (default: all of the CPU); cuda:N for a GPU")
            ->delimiter(',')
            ->check(backend_problem);
        command->add_option("--bits", selftest.bits, "Bits of the matrices")
            ->delimiter(',')
            ->check(CLI::IsMember(all_widths()))
            ->capture_default_str();
        command->add_flag("--quick", selftest.quick, "Small shapes only");
        command->add_flag("--json", selftest.json, "Print JSON, each product by itself");
        command->footer(
            "Errors are compared with the bounds of docs/precision.md and docs/cuda.md.  Exits\n"
            "with 1 if a product exceeds its bound, or has other bits in another batch.\n"
            "Worth pasting into a bug report.");
        command->callback([this] { selftest_command(selftest); });
    }

    CLI::App app;
    QuantizeOptions quantize;
    MergeOptions merge;
    InfoOptions info;
    ExportOptions exported;
    std::string verified_file;
    BenchOptions bench;
    SelftestOptions selftest;
};

}  // namespace

int run_command_line(int argc, char **argv) {
    return CommandLine().run({argv + std::min(argc, 1), argv + argc});
}

}  // namespace densq::tool
