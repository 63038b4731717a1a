// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "tests/tools/temporary.hpp"
#include "tools/densq/quantize/tensor_selection.hpp"

using namespace densq::tool;
using densq::test::contains;
using densq::test::error_of;

namespace {

SafeTensor tensor_of(std::vector<uint64_t> shape, const char *dtype = "F16") {
    return {dtype, std::move(shape), nullptr, 0};
}

const SafeTensor kMatrix = tensor_of({8, 16});

TensorSelection selection() { return {4, {}, {}, {}, {}}; }

}  // namespace

TEST_CASE("selection: the linear layers of decoders, under the names of their families") {
    for (const char *name :
         {"model.layers.0.self_attn.q_proj.weight", "model.layers.31.mlp.down_proj.weight",
          "model.decoder.layers.11.fc1.weight", "model.decoder.layers.0.self_attn.out_proj.weight",
          "h.0.attn.c_attn.weight", "transformer.h.11.mlp.c_proj.weight",
          "model.layers.3.block_sparse_moe.experts.7.w1.weight",
          "gpt_neox.layers.5.attention.dense.weight", "0.weight"})
        CHECK_MESSAGE(is_linear_layer(name, kMatrix), name);
    for (const char *name :
         {"model.embed_tokens.weight", "lm_head.weight", "model.decoder.embed_positions.weight",
          "wte.weight", "transformer.wpe.weight", "model.norm.weight",
          "model.layers.0.input_layernorm.weight", "model.layers.0.self_attn.q_norm.weight",
          "model.decoder.layers.0.self_attn_layer_norm.weight", "model.layers.0.Embedding.weight",
          "model.layers.0.self_attn.q_proj.bias", "model.layers.0.self_attn.q_proj.weight_scale",
          "model.layers.zero.mlp.weight", "layers0.mlp.weight", "layers.0", ""})
        CHECK_MESSAGE(!is_linear_layer(name, kMatrix), name);
}

TEST_CASE("selection: linear layers have two dimensions") {
    const char *name = "model.layers.0.mlp.up_proj.weight";
    CHECK(is_linear_layer(name, tensor_of({1, 1})));
    CHECK(!is_linear_layer(name, tensor_of({})));
    CHECK(!is_linear_layer(name, tensor_of({8})));
    CHECK(!is_linear_layer(name, tensor_of({8, 8, 8})));
}

TEST_CASE("selection: names of any length") {
    const std::string length(1 << 20, 'x'), dots(1 << 20, '.');
    CHECK(is_linear_layer("model.layers.0." + length + ".weight", kMatrix));
    CHECK(!is_linear_layer("model.layers.0." + length, kMatrix));
    CHECK(!is_linear_layer(length + ".weight", kMatrix));
    CHECK(!is_linear_layer(dots, kMatrix));
    CHECK(selection().bits_of(dots + "0" + dots + "weight", kMatrix) == 4);
}

TEST_CASE("selection: exclude before bits_for before include before the linear layers") {
    const std::string linear = "model.layers.0.mlp.up_proj.weight", other = "lm_head.weight";
    TensorSelection chosen = selection();
    CHECK(chosen.bits_of(linear, kMatrix) == 4);
    CHECK(chosen.bits_of(other, kMatrix) == 0);
    chosen.include = {"nothing", "lm_*"};
    CHECK(chosen.bits_of(linear, kMatrix) == 0);
    CHECK(chosen.bits_of(other, kMatrix) == 4);
    chosen.bits_for = {{"*.layers.*", 3}, {"*up_proj*", 2}};
    CHECK(chosen.bits_of(linear, kMatrix) == 2);  // of several that match, the last
    CHECK(chosen.bits_of("model.layers.0.x", kMatrix) == 3);
    CHECK(chosen.bits_of(other, kMatrix) == 4);
    chosen.exclude = {"*.layers.?.mlp.*"};
    CHECK(chosen.bits_of(linear, kMatrix) == 0);
    CHECK(chosen.bits_of("model.layers.0.x", kMatrix) == 3);
    chosen.bits_for.clear();
    chosen.include.clear();
    CHECK(chosen.bits_of("model.layers.0.self_attn.q_proj.weight", kMatrix) == 4);
    CHECK(chosen.bits_of("model.layers.0.mlp.gate_proj.weight", kMatrix) == 0);
}

TEST_CASE("selection: patterns are globs over the whole name") {
    TensorSelection chosen = selection();
    chosen.drop = {"a.*", "b[0-9]", "c?"};
    for (const char *name : {"a.", "a.b/c.d", "b7", "cc"}) CHECK_MESSAGE(chosen.drops(name), name);
    for (const char *name : {"a", "xa.b", "bb", "b77", "c", "A.b"})
        CHECK_MESSAGE(!chosen.drops(name), name);
    CHECK(!selection().drops(""));
}

TEST_CASE("selection: what was asked for by name must be a matrix of floats within the limits") {
    TensorSelection chosen = selection();
    chosen.include = {"x"};
    const auto message = [&](const SafeTensor &tensor) {
        return error_of([&] { chosen.bits_of("x", tensor); });
    };
    CHECK(message(tensor_of({3, 4}, "BF16")).empty());
    CHECK(message(tensor_of({16777216, 1}, "F32")).empty());
    CHECK(contains(message(tensor_of({3})), "'x' of dtype F16 and shape [3] is no matrix"));
    CHECK(contains(message(tensor_of({3, 4}, "I32")), "dtype I32 and shape [3, 4] is no matrix"));
    CHECK(contains(message(tensor_of({0, 4})), "shape [0, 4] is outside the limits"));
    CHECK(contains(message(tensor_of({4, 16777217})), "[4, 16777217] is outside the limits"));
    chosen.exclude = {"x"};
    CHECK(message(tensor_of({3})).empty());
}

TEST_CASE("models whose linear layers lie transposed are refused") {
    CHECK(error_of([] { refuse_transposed(R"({"model_type": "gpt2"})"); }).find("transposed") !=
          std::string::npos);
    for (const char *config :
         {"", "{}", "[]", R"({"model_type": "llama"})", R"({"model_type": 2})", "not JSON"})
        refuse_transposed(config);
}
