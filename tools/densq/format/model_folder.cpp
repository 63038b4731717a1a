// SPDX-License-Identifier: MIT
#include "model_folder.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <system_error>

#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace fs = std::filesystem;

namespace {

// Names of files, as the shell's patterns, and what to do with a model of them.
struct Kind {
    const char *pattern, *what, *advice;
};

constexpr const char *kConvert = "convert the folder with densq-convert FOLDER OUT.safetensors "
                                 "(tools/python)";
constexpr Kind kKinds[] = {
    {"adapter_model.safetensors", "an adapter (LoRA), not a model",
     "merge it into its base model (merge_and_unload and save_pretrained of PEFT), and give that"},
    {"adapter_model.bin", "an adapter (LoRA), not a model",
     "merge it into its base model (merge_and_unload and save_pretrained of PEFT), and give that"},
    {"consolidated*.safetensors", "a model with its maker's own names of tensors",
     "give the folder with model.safetensors or its shards, or name the file itself with --model"},
    {"*.safetensors", "of another name", "name the file itself with --model or --gradients"},
    {"*.bin", "of PyTorch", kConvert},
    {"*.pt", "of PyTorch", kConvert},
    {"*.pth", "of PyTorch", kConvert},
    {"*.gguf", "of llama.cpp",
     "convert the file with densq-convert FILE.gguf FOLDER (tools/python)"},
    {"*.h5", "of TensorFlow", "load it with transformers (from_tf=True) and save_pretrained"},
    {"*.msgpack", "of Flax", "load it with transformers (from_flax=True) and save_pretrained"},
};

std::vector<std::string> names_in(const fs::path &folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    if (error) throw DataError(folder.string() + ": cannot be listed: " + error.message());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> matching(const std::vector<std::string> &names,
                                  const std::string &pattern) {
    std::vector<std::string> found;
    for (const std::string &name : names)
        if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) found.push_back(name);
    return found;
}

}  // namespace

std::vector<std::string> shards_in(const fs::path &folder, const std::string &single_name) {
    const std::string stem = fs::path(single_name).stem().string();
    return matching(names_in(folder), stem + "-*-of-*.safetensors");
}

std::string advice_for_file(const fs::path &path) {
    const std::string name = path.filename().string();
    if (name.ends_with(".safetensors.index.json")) return "; give the folder that it is in";
    for (const char *extension : {".bin", ".pt", ".pth", ".ckpt"})
        if (path.extension() == extension)
            return "; convert it with densq-convert FILE OUT.safetensors (tools/python)";
    if (path.extension() == ".gguf")
        return "; convert it with densq-convert FILE.gguf FOLDER (tools/python)";
    return "; give a .safetensors file, or a folder with one";
}

std::string advice_for_folder(const fs::path &folder,
                              const std::vector<std::string> &single_names) {
    for (const std::string &single : single_names)
        if (const auto shards = shards_in(folder, single); !shards.empty())
            return "; it has shards (" + list_names(shards) + ") without " + single +
                   ".index.json, which belongs to them: download that too";
    const std::vector<std::string> names = names_in(folder);
    for (const Kind &kind : kKinds)
        if (const auto found = matching(names, kind.pattern); !found.empty())
            return "; what it has is " + std::string(kind.what) + " (" + list_names(found) +
                   "): " + kind.advice;
    return "";
}

}  // namespace densq::tool
