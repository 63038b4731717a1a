// SPDX-License-Identifier: MIT
// export_command.cpp - densq export: from a densq file to a model's folder in Hugging Face's form.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "commands.hpp"
#include "interrupt.hpp"
#include "partial_folder.hpp"
#include "progress_bar.hpp"
#include "terminal_text.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/config_text.hpp"
#include "tools/densq/format/exported_tensor.hpp"
#include "tools/densq/format/file_contents.hpp"
#include "tools/densq/format/metadata_json.hpp"
#include "tools/densq/format/model_json.hpp"
#include "tools/densq/format/safetensors_json.hpp"
#include "tools/densq/format/text.hpp"

namespace densq::tool {
namespace {

constexpr const char *kConfig = "config.json", *kWeights = "model.safetensors",
                     *kIndex = "model.safetensors.index.json";

std::optional<densq_dtype> parse_dtype(const std::string &name) {
    for (const densq_dtype dtype : {DENSQ_F32, DENSQ_F16, DENSQ_BF16})
        if (name == dtype_name(dtype)) return dtype;
    return std::nullopt;
}

// Keys come from the file: no folders, no way out of this one, nothing hidden.
void require_file_name(const std::string &key) {
    if (key.find_first_of("/\\") != std::string::npos || key[0] == '.')
        throw DataError("the metadata entry '" + key +
                        "' cannot become a file, as its key is no plain file name");
}

class Export {
public:
    explicit Export(const ExportOptions &options_)
        : options(options_), file(open_file(options.file, 0)), dtype(parse_dtype(options.dtype)),
          folder(options.folder) {
        try {
            plan();
        } catch (const DataError &error) {
            throw DataError(options.file + ": " + error.what());
        }
    }

    void run() {
        folder.make(total_bytes);
        ProgressBar progress(total_bytes, options.quiet);
        for (size_t i = 0; i < shards.size(); ++i)
            write_shard(shard_names[i], shards[i], &progress);
        for (const auto &[name, text] : texts) write_file(folder.path / name, text);
        check_interrupt();
        folder.finish();
    }

    void print_summary(double seconds) const {
        double parameters = 0;
        for (const auto &shard : shards)
            for (const ExportedTensor &t : shard) parameters += static_cast<double>(t.elements());
        const size_t files = shards.size() + texts.size();
        std::printf("%s: %s parameters, %s, %zu %s, %.1f s\n", options.folder.c_str(),
                    count_text(parameters).c_str(), size_text(total_bytes).c_str(), files,
                    files == 1 ? "file" : "files", seconds);
    }

    void print_warnings() const {
        for (const std::string &warning : warnings)
            std::fprintf(stderr, "densq: warning: %s\n", warning.c_str());
    }

private:
    void plan() {
        find_texts();
        densq_dtype matrix_dtype = dtype.value_or(DENSQ_F32);
        if (const auto config = texts.find(kConfig); config != texts.end())
            prepare_config(&config->second, &matrix_dtype);
        else
            warnings.emplace_back(
                "the file holds no config.json, without which transformers cannot "
                "load the folder");
        shards = cut_into_shards(plan_export(file.get(), dtype, matrix_dtype), options.shard_size);
        for (const auto &shard : shards)
            for (const ExportedTensor &tensor : shard) total_bytes += tensor.bytes();
        name_shards();
        warn_of_what_is_left_out();
    }

    void find_texts() {
        for (const MetadataEntry &entry : list_metadata(file.get())) {
            if (entry.key.starts_with("densq.")) continue;
            require_file_name(entry.key);
            texts[entry.key] = *find_text(file.get(), entry.key);
        }
    }

    // States the dtype that matrices get, and no quantization: values are plain again.
    void prepare_config(std::string *config, densq_dtype *matrix_dtype) {
        try {
            if (!dtype) *matrix_dtype = read_config_dtype(*config).value_or(DENSQ_F32);
            if (dtype || densq_count(file.get(), DENSQ_MATRIX) > 0)
                *config = with_config_dtype(*config, *matrix_dtype);
            const std::string plain = remove_quantization(*config);
            if (plain != *config)
                warnings.emplace_back("config.json is written without its quantization_config: "
                                      "weights are not quantized");
            *config = plain;
        } catch (const DataError &error) {
            warnings.push_back(std::string(kConfig) + " is written as it is: " + error.what());
        }
    }

    void name_shards() {
        const bool one = shards.size() == 1;
        std::map<std::string, std::string> shard_of;
        for (size_t i = 0; i < shards.size(); ++i) {
            shard_names.push_back(
                one ? kWeights : text_of("model-%05zu-of-%05zu.safetensors", i + 1, shards.size()));
            refuse_text(shard_names[i]);
            for (const ExportedTensor &tensor : shards[i]) shard_of[tensor.name] = shard_names[i];
        }
        if (one) return;
        refuse_text(kIndex);
        texts[kIndex] = write_shard_index(shard_of, total_bytes);
    }

    void refuse_text(const std::string &name) const {
        if (texts.contains(name))
            throw DataError("the metadata entry '" + name +
                            "' has the name of a file of weights that export writes");
    }

    void warn_of_what_is_left_out() {
        const auto text = find_text(file.get(), kChoiceKey);
        if (!text) return;
        for (const Choice &choice : parse_choices(*text))
            if (choice.kept == "left out")
                warnings.push_back(std::to_string(choice.tensors) +
                                   " tensors of the model are not in the file (" +
                                   printable(choice.group) + ": " + printable(choice.why) + ")");
    }

    void write_shard(const std::string &name, const std::vector<ExportedTensor> &tensors,
                     ProgressBar *progress) const {
        SafetensorsWriter writer(folder.path / name, {tensors.begin(), tensors.end()});
        for (const ExportedTensor &tensor : tensors) {
            progress->begin(tensor.name);
            write_values(file.get(), tensor, [&](const void *values, uint64_t bytes) {
                check_interrupt();
                writer.write(values, bytes);
                progress->add(bytes);
            });
        }
        writer.finish();
    }

    const ExportOptions &options;
    const File file;
    const std::optional<densq_dtype> dtype;
    PartialFolder folder;
    std::map<std::string, std::string> texts;
    std::vector<std::vector<ExportedTensor>> shards;
    std::vector<std::string> shard_names, warnings;
    uint64_t total_bytes = 0;
};

}  // namespace

void export_command(const ExportOptions &options) {
    catch_interrupts();
    const auto begin = std::chrono::steady_clock::now();
    Export model(options);
    model.print_warnings();
    model.run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!options.quiet) model.print_summary(seconds.count());
}

}  // namespace densq::tool
