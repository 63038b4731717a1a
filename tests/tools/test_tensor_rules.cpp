// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "tools/densq/quantize/tensor_rules.hpp"

using namespace densq::tool;

namespace {

SafeTensor tensor_of(std::vector<uint64_t> shape, const char *dtype = "F16") {
    return {dtype, std::move(shape), nullptr, 0};
}

// A model of 512 hidden columns, 4 experts and 1000 words.
ModelConfig config_of(const char *model_type = "llama") {
    return parse_model_config(std::string(R"({"model_type":")") + model_type +
                              R"(","hidden_size":512,"num_local_experts":4,"vocab_size":1000})");
}

std::string group(const char *name, std::vector<uint64_t> shape, const char *model = "llama") {
    return group_of(name, tensor_of(std::move(shape)), config_of(model)).title;
}

// "4x96x64"
std::vector<uint64_t> shape_of(std::string text) {
    std::vector<uint64_t> shape;
    std::replace(text.begin(), text.end(), 'x', ' ');
    std::istringstream numbers(text);
    for (uint64_t number; numbers >> number;) shape.push_back(number);
    return shape;
}

std::string fate_of(const std::string &name, std::vector<uint64_t> shape,
                    const ModelConfig &config) {
    const SafeTensor tensor = tensor_of(std::move(shape));
    const Fate fate = group_of(name, tensor, config).fate;
    if (fate != Fate::kQuantized) return fate == Fate::kPlain ? "plain" : "left out";
    if (tensor.shape.size() == 2) return "quantized";
    return find_expert_layout(name, tensor, config) == ExpertLayout::kInOut ? "in-out" : "out-in";
}

}  // namespace

TEST_CASE("rules: the linear layers of decoders, under the names of their families") {
    for (const char *name :
         {"model.layers.0.self_attn.q_proj.weight", "model.layers.31.mlp.down_proj.weight",
          "model.decoder.layers.11.fc1.weight", "model.decoder.layers.0.self_attn.out_proj.weight",
          "h.0.attn.c_attn.weight", "transformer.h.11.mlp.c_proj.weight",
          "model.layers.3.block_sparse_moe.experts.7.w1.weight",
          "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.gate_up_proj.weight",
          "gpt_neox.layers.5.attention.dense.weight", "model.layers.0.conv.in_proj.weight",
          "backbone.layers.0.mixer.in_proj.weight", "0.weight"})
        CHECK_MESSAGE(group(name, {512, 512}) == "linear layers", name);
}

TEST_CASE("rules: what stays plain, and as what") {
    const std::map<const char *, std::vector<const char *>> groups = {
        {"embeddings and output head",
         {"model.embed_tokens.weight", "lm_head.weight", "transformer.wte.weight",
          "model.layers.0.Embedding.weight", "mtp.layers.0.wte.weight", "shared.weight"}},
        {"norms, biases, other vectors",
         {"model.layers.0.self_attn.q_norm.weight", "model.norm.weight"}},
        {"position and bias tables",
         {"model.decoder.embed_positions.weight", "h.0.wpe.weight", "layers.0.pos_emb.weight",
          "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
          "blocks.0.attn.relative_position_bias_table", "layers.0.mlp.experts.down_proj_bias"}},
        {"vision and audio towers",
         {"model.visual.blocks.0.attn.qkv.weight", "model.visual.merger.mlp.0.weight",
          "vision_tower.encoder.layers.0.mlp.fc1.weight", "audio_tower.layers.0.fc1.weight",
          "multi_modal_projector.linear_1.weight"}},
        {"routers and gates of experts",
         {"model.layers.0.altup.modality_router.weight", "model.layers.0.mlp.router.weight",
          "model.layers.0.router.classifier.weight"}},
        {"convolutions",
         {"layers.0.conv.weight", "layers.0.mixer.conv1d.weight", "layers.0.conv_1d.weight",
          "layers.0.conv2.weight"}},
        {"state-space parameters",
         {"layers.0.mixer.A_log", "layers.0.mixer.x_proj.weight", "layers.0.mamba.dt_proj.weight",
          "layers.0.rg_lru.input_gate_weight"}},
        {"token shift and mixing",
         {"layers.0.token_shift.weight", "blocks.0.attention.time_mix_key",
          "model.layers.0.altup.prediction_coefs.weight"}},
        {"LoRA parts", {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"}},
        {"other tensors",
         {"model.layers.0.self_attn.q_proj.weight_scale", "model.layers.zero.mlp.weight",
          "layers0.mlp.weight", "layers.0", "cls.transform.dense.weight", ""}},
    };
    for (const auto &[title, names] : groups)
        for (const char *name : names) CHECK_MESSAGE(group(name, {512, 512}) == title, name);
    CHECK(group("head.weight", {1000, 512}) == "embeddings and output head");
    CHECK(group("layers.0.mlp.up_proj.weight", {}) == "norms, biases, other vectors");
    CHECK(group("layers.0.mlp.up_proj.weight", {512}) == "norms, biases, other vectors");
    CHECK(group("layers.0.mlp.up_proj.weight", {8, 8, 8}) == "other tensors");
}

TEST_CASE("rules: whole models of many families") {
    std::ifstream lines(TEST_FOLDER "/families.txt");
    ModelConfig config;
    size_t families = 0, tensors = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line[0] == '#') continue;
        if (line[0] != ' ') {
            config = parse_model_config(line.substr(line.find('{')));
            ++families;
            continue;
        }
        const std::string expected = line.substr(2, line.find("  ", 2) - 2);
        const size_t name_at = line.find_first_not_of(' ', 2 + expected.size());
        const std::string name = line.substr(name_at, line.rfind("  ") - name_at);
        CHECK_MESSAGE(fate_of(name, shape_of(line.substr(line.rfind(' ') + 1)), config) == expected,
                      line);
        ++tensors;
    }
    CHECK(families == 46);
    CHECK(tensors > 700);
}

TEST_CASE("rules: a gate with a row for each expert is a router, others are layers") {
    const char *const gate = "model.layers.0.mlp.gate.weight";
    CHECK(group(gate, {4, 8}) == "routers and gates of experts");
    CHECK(group(gate, {128, 512}) == "routers and gates of experts");
    CHECK(group(gate, {512, 512}) == "linear layers");
    CHECK(group("model.layers.0.shared_expert_gate.weight", {1, 512}) ==
          "routers and gates of experts");
    CHECK(group("rwkv.blocks.0.attention.gate.weight", {64, 512}, "rwkv6") == "linear layers");
}

TEST_CASE("rules: buffers are left out") {
    for (const char *name :
         {"model.layers.0.self_attn.rotary_emb.inv_freq", "text_model.embeddings.position_ids",
          "bn.num_batches_tracked", "gpt_neox.layers.0.attention.masked_bias"})
        CHECK_MESSAGE(group(name, {32}) == "buffers", name);
    CHECK(group("gpt_neox.layers.0.attention.bias", {1, 1, 8, 8}) == "buffers");
    CHECK(group("h.0.attn.bias", {1, 1, 8, 8}) == "buffers");
    CHECK(group("model.layers.0.self_attn.bias", {8}) == "norms, biases, other vectors");
}

TEST_CASE("rules: how stacks of experts lie") {
    const auto layout = [](const char *name, std::vector<uint64_t> shape, const char *model) {
        const SafeTensor tensor = tensor_of(std::move(shape));
        CHECK(group_of(name, tensor, config_of(model)).title == std::string("stacked experts"));
        return find_expert_layout(name, tensor, config_of(model));
    };
    const char *const up = "model.layers.0.mlp.experts.gate_up_proj";
    const char *const down = "model.layers.0.mlp.experts.down_proj";
    CHECK(layout(up, {4, 512, 300}, "new") == ExpertLayout::kInOut);
    CHECK(layout(up, {4, 300, 512}, "new") == ExpertLayout::kOutIn);
    CHECK(layout(down, {4, 300, 512}, "new") == ExpertLayout::kInOut);
    CHECK(layout(down, {4, 512, 300}, "new") == ExpertLayout::kOutIn);
    CHECK(layout(down, {4, 512, 512}, "gpt_oss") == ExpertLayout::kInOut);
    CHECK(layout(down, {4, 512, 512}, "mixtral") == ExpertLayout::kOutIn);
    CHECK(layout(down, {4, 512, 512}, "new") == std::nullopt);
    CHECK(layout("model.layers.0.block_sparse_moe.output_linear.weight", {4, 512, 300},
                 "granitemoe") == ExpertLayout::kOutIn);
}

TEST_CASE("rules: the block of a name") {
    CHECK(layer_number("model.layers.31.mlp.weight") == 31);
    CHECK(layer_number("0.weight") == 0);
    CHECK(layer_number("a.7.experts.3.w1") == 7);
    for (const char *name : {"", "a", "a.3", "a3.b", "a.3b.c", "a.99999999999999999999.b", ".."})
        CHECK_MESSAGE(!layer_number(name), name);
}

TEST_CASE("rules: names of any length") {
    const std::string length(1 << 20, 'x'), dots(1 << 20, '.');
    const SafeTensor matrix = tensor_of({512, 512});
    const auto title = [&](const std::string &name) {
        return std::string(group_of(name, matrix, {}).title);
    };
    CHECK(title("model.layers.0." + length + ".weight") == "linear layers");
    CHECK(title("model.layers.0." + length) == "other tensors");
    CHECK(title(dots) == "other tensors");
    CHECK(title(dots + "0" + dots + "weight") == "linear layers");
}

TEST_CASE("rules: models whose linear layers lie transposed") {
    CHECK(transposed_layers(config_of("gpt2")).find("transposed") != std::string::npos);
    CHECK(transposed_layers(config_of()).empty());
    CHECK(transposed_layers({}).empty());
}

TEST_CASE("a model's configuration") {
    const ModelConfig text = parse_model_config(
        R"({"model_type":"llava","text_config":{"model_type":"llama","hidden_size":8,)"
        R"("num_hidden_layers":2},"vocab_size":5,"n_routed_experts":null})");
    CHECK(text.model_type == "llama");
    CHECK(text.hidden_size == 8);
    CHECK(text.layers == 2);
    CHECK(text.vocab_size == 5);
    CHECK(text.experts == 0);
    CHECK(parse_model_config(R"({"model_type":3,"hidden_size":-1,"n_layer":1.5})").layers == 0);
    for (const char *config : {"", "{", "[]", "3", "not JSON", "{\"a\":\"\xE9\"}"})
        CHECK_THROWS(parse_model_config(config));
}
