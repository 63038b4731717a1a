// SPDX-License-Identifier: MIT
#include "model_texts.hpp"

#include "tools/densq/errors.hpp"
#include "tools/densq/format/input_file.hpp"
#include "tools/densq/format/model_json.hpp"

namespace densq::tool {
namespace {

namespace fs = std::filesystem;

constexpr const char *kTexts[] = {
    "added_tokens.json",        "chat_template.jinja",
    "chat_template.json",       "config.json",
    "generation_config.json",   "merges.txt",
    "preprocessor_config.json", "processor_config.json",
    "special_tokens_map.json",  "tokenizer.json",
    "tokenizer_config.json",    "vocab.json",
};

// Binary, so that it is no text of the metadata.
constexpr const char *kSentencePiece = "tokenizer.model";

}  // namespace

std::vector<std::string> text_names() { return {std::begin(kTexts), std::end(kTexts)}; }

std::map<std::string, std::string> read_model_texts(const fs::path &folder, TensorChooser *chooser,
                                                    std::vector<std::string> *notices) {
    std::map<std::string, std::string> texts;
    for (const char *name : kTexts) {
        if (kind_of(folder / name) == FileKind::absent || chooser->drops_file(name)) continue;
        std::string text = read_text(folder / name).value_or("");
        if (std::string_view(name).ends_with(".json")) require_json(folder / name, text);
        texts[name] = std::move(text);
    }
    if (texts.contains("config.json"))
        texts["config.json"] = remove_quantization(texts["config.json"]);
    if (kind_of(folder / kSentencePiece) != FileKind::absent && !texts.contains("tokenizer.json") &&
        !chooser->drops_file(kSentencePiece))
        throw DataError((folder / kSentencePiece).string() +
                        ": there is no tokenizer.json beside it, and a densq file keeps texts "
                        "only; make one with transformers: AutoTokenizer.from_pretrained(FOLDER)"
                        ".save_pretrained(FOLDER), or leave it out with --drop tokenizer.model");
    if (kind_of(folder / "additional_chat_templates") != FileKind::absent)
        notices->push_back("additional_chat_templates is not kept; chat_template.jinja is");
    return texts;
}

}  // namespace densq::tool
