// SPDX-License-Identifier: MIT
#include "tensor_rules.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>

namespace densq::tool {
namespace {

constexpr TensorGroup kLinear = {"linear layers", Fate::kQuantized, "matrices of the layers"};
constexpr TensorGroup kExperts = {"stacked experts", Fate::kQuantized, "slice by slice"};
constexpr TensorGroup kVectors = {"norms, biases, other vectors", Fate::kPlain, "small"};
constexpr TensorGroup kEmbeddings = {"embeddings and output head", Fate::kPlain,
                                     "outside of the layers; --include quantizes them"};
constexpr TensorGroup kRouters = {"routers and gates of experts", Fate::kPlain,
                                  "small, and they decide which experts run"};
constexpr TensorGroup kTables = {"position and bias tables", Fate::kPlain,
                                 "looked up or added, not multiplied"};
constexpr TensorGroup kTowers = {"vision and audio towers", Fate::kPlain,
                                 "not of the language model"};
constexpr TensorGroup kConvolutions = {"convolutions", Fate::kPlain, "no matrices"};
constexpr TensorGroup kStates = {"state-space parameters", Fate::kPlain,
                                 "small, and their errors add up over time"};
constexpr TensorGroup kMixing = {"token shift and mixing", Fate::kPlain, "small coefficients"};
constexpr TensorGroup kAdapters = {"LoRA parts", Fate::kPlain, "factors to be merged first"};
constexpr TensorGroup kOthers = {"other tensors", Fate::kPlain,
                                 "not known as linear layers; --include quantizes them"};
constexpr TensorGroup kBuffers = {"buffers", Fate::kLeftOut,
                                  "no parameters: programs compute them"};

enum class Shape { kAny, kMatrix, kFewRows, kNotVector, kStack, kMask };

// The first line that applies tells the group.  `model` and `name` are globs, `name` in lower case.
struct Rule {
    const TensorGroup &group;
    const char *model;
    Shape shape;
    const char *name;
};

constexpr Rule kRules[] = {
    // Computed from the configuration by every program that needs them.
    {kBuffers, "*", Shape::kAny, "*rotary*inv_freq"},
    {kBuffers, "*", Shape::kAny, "*position_ids"},
    {kBuffers, "*", Shape::kAny, "*token_type_ids"},
    {kBuffers, "*", Shape::kAny, "*num_batches_tracked"},
    {kBuffers, "*", Shape::kAny, "*masked_bias"},
    {kBuffers, "*", Shape::kMask, "*attn.bias"},
    {kBuffers, "*", Shape::kMask, "*attention.bias"},
    {kBuffers, "*", Shape::kMask, "*mask"},

    {kTowers, "*", Shape::kAny, "*vision*"},
    {kTowers, "*", Shape::kAny, "*visual*"},
    {kTowers, "*", Shape::kAny, "*image_*"},
    {kTowers, "*", Shape::kAny, "*img_*"},
    {kTowers, "*", Shape::kAny, "*audio*"},
    {kTowers, "*", Shape::kAny, "*speech*"},
    {kTowers, "*", Shape::kAny, "*multi_modal_proj*"},
    {kTowers, "*", Shape::kAny, "*mm_projector*"},
    {kTowers, "*", Shape::kAny, "*modality_proj*"},
    {kAdapters, "*", Shape::kAny, "*lora_*"},

    {kVectors, "*", Shape::kNotVector, "*norm*"},
    {kTables, "*", Shape::kNotVector, "*relative_*"},
    {kTables, "*", Shape::kNotVector, "*rel_pos*"},
    {kTables, "*", Shape::kNotVector, "*pos_emb*"},
    {kTables, "*", Shape::kNotVector, "*pos_bias*"},
    {kTables, "*", Shape::kNotVector, "*position_*"},
    {kTables, "*", Shape::kNotVector, "*embed_positions*"},
    {kTables, "*", Shape::kNotVector, "*wpe.weight"},
    {kTables, "*", Shape::kNotVector, "*bias"},
    {kTables, "*", Shape::kNotVector, "*bias_table"},
    {kEmbeddings, "*", Shape::kNotVector, "*embed*"},
    {kEmbeddings, "*", Shape::kNotVector, "*embd*"},
    {kEmbeddings, "*", Shape::kNotVector, "*wte.weight"},

    {kLinear, "rwkv*", Shape::kMatrix, "*.gate.weight"},
    {kRouters, "*", Shape::kNotVector, "*router*"},
    {kRouters, "*", Shape::kFewRows, "*gate.weight"},
    {kRouters, "*", Shape::kFewRows, "*gate.wg.weight"},
    {kRouters, "*", Shape::kFewRows, "*gate_inp.weight"},

    {kConvolutions, "*", Shape::kNotVector, "*conv.weight"},
    {kConvolutions, "*", Shape::kNotVector, "*conv[0-9].weight"},
    {kConvolutions, "*", Shape::kNotVector, "*conv[0-9]d.weight"},
    {kConvolutions, "*", Shape::kNotVector, "*conv_[0-9]d.weight"},
    {kStates, "*", Shape::kNotVector, "*a_log"},
    {kStates, "*", Shape::kNotVector, "*.ssm_a"},
    {kStates, "*", Shape::kNotVector, "*mixer.x_proj.weight"},
    {kStates, "*", Shape::kNotVector, "*mamba.x_proj.weight"},
    {kStates, "*", Shape::kNotVector, "*dt_proj.weight"},
    {kStates, "*", Shape::kNotVector, "*rg_lru*"},
    {kMixing, "*", Shape::kNotVector, "*.time_*"},
    {kMixing, "*", Shape::kNotVector, "*token_shift*"},
    {kMixing, "*", Shape::kNotVector, "*altup*"},
    {kMixing, "*", Shape::kNotVector, "*laurel*"},

    {kExperts, "*", Shape::kStack, "*expert*"},
    {kExperts, "*", Shape::kStack, "*moe.*"},
};

// Models whose stacks cannot be told by their sizes, or that have no other sign.
struct StackRule {
    const char *model;
    ExpertLayout layout;
};

constexpr StackRule kStacks[] = {
    {"gpt_oss", ExpertLayout::kInOut},     {"llama4*", ExpertLayout::kInOut},
    {"mixtral", ExpertLayout::kOutIn},     {"qwen*_moe*", ExpertLayout::kOutIn},
    {"olmoe", ExpertLayout::kOutIn},       {"deepseek*", ExpertLayout::kOutIn},
    {"granitemoe*", ExpertLayout::kOutIn}, {"glm4_moe*", ExpertLayout::kOutIn},
};

// Models that keep [in, out], where a linear layer has [out, in].
constexpr const char *kTransposed[] = {"gpt2", "openai-gpt", "imagegpt", "decision_transformer"};

bool matches(const char *pattern, const std::string &text) {
    return fnmatch(pattern, text.c_str(), 0) == 0;
}

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// Of a matrix that has a row for each expert, or a single one.
bool has_few_rows(const std::vector<uint64_t> &shape, const ModelConfig &config) {
    return shape.size() == 2 && (shape[0] == config.experts || shape[0] <= shape[1] / 4);
}

bool has_shape(Shape wanted, const SafeTensor &tensor, const ModelConfig &config) {
    const size_t dimensions = tensor.shape.size();
    switch (wanted) {
    case Shape::kAny: return true;
    case Shape::kMatrix: return dimensions == 2;
    case Shape::kFewRows: return has_few_rows(tensor.shape, config);
    case Shape::kNotVector: return dimensions >= 2;
    case Shape::kStack: return dimensions == 3;
    case Shape::kMask: return dimensions == 4;
    }
    return false;
}

bool names_any(const std::string &name, std::initializer_list<const char *> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const char *part) { return name.find(part) != std::string::npos; });
}

}  // namespace

std::optional<uint64_t> layer_number(const std::string &name) {
    size_t begin = 0;
    for (size_t dot; (dot = name.find('.', begin)) != std::string::npos; begin = dot + 1)
        if (dot > begin && dot - begin < 10 && name.find_first_not_of("0123456789", begin) == dot)
            return std::stoull(name.substr(begin, dot - begin));
    return std::nullopt;
}

const TensorGroup &group_of(const std::string &name, const SafeTensor &tensor,
                            const ModelConfig &config) {
    const std::string lower = lower_case(name);
    for (const Rule &rule : kRules)
        if (has_shape(rule.shape, tensor, config) && matches(rule.name, lower) &&
            matches(rule.model, config.model_type))
            return rule.group;
    if (tensor.shape.size() < 2) return kVectors;
    const bool in_layer = layer_number(name).has_value();
    if (tensor.shape.size() == 2 && in_layer && lower.ends_with("weight")) return kLinear;
    const bool of_vocabulary = config.vocab_size && tensor.shape[0] == config.vocab_size;
    if (!in_layer && (of_vocabulary || names_any(lower, {"lm_head", "shared.weight", "output"})))
        return kEmbeddings;
    return kOthers;
}

std::optional<ExpertLayout> find_expert_layout(const std::string &name, const SafeTensor &tensor,
                                               const ModelConfig &config) {
    const std::string lower = lower_case(name);
    const bool to_hidden = names_any(lower, {"down", "output", "w2"});
    const bool from_hidden = names_any(lower, {"gate", "up", "input", "w1", "w3"});
    const bool first = tensor.shape[1] == config.hidden_size;
    const bool last = tensor.shape[2] == config.hidden_size;
    if (first != last && to_hidden != from_hidden)
        return first == to_hidden ? ExpertLayout::kOutIn : ExpertLayout::kInOut;
    for (const StackRule &rule : kStacks)
        if (matches(rule.model, config.model_type)) return rule.layout;
    return std::nullopt;
}

std::string transposed_layers(const ModelConfig &config) {
    for (const char *model : kTransposed)
        if (config.model_type == model)
            return "models of type " + config.model_type +
                   " keep their linear layers transposed, rows and columns exchanged; "
                   "transpose them, or choose tensors with --include";
    return "";
}

}  // namespace densq::tool
