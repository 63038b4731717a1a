// SPDX-License-Identifier: MIT
// Checkpoints whose weights are quantized already: FP8 is read with its scales, the rest refused.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/tools/temporary.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/model_json.hpp"

using namespace densq::test;
using densq::tool::Checkpoint;
using densq::tool::parse_quantization;
using densq::tool::QuantizationConfig;
using densq::tool::remove_quantization;

namespace fs = std::filesystem;

namespace {

struct Tensor {
    std::string name, dtype, shape;
    std::string data;
};

const std::string kFp8 = R"({"quantization_config":{"quant_method":"fp8"}})";
const std::string kBlocks =
    R"({"quantization_config":{"quant_method":"fp8","weight_block_size":[2,3]}})";

std::string floats(const std::vector<float> &values) {
    return {reinterpret_cast<const char *>(values.data()), sizeof(float) * values.size()};
}

fs::path write_model(const TemporaryFolder &folder, const std::vector<Tensor> &tensors,
                     const std::string &config) {
    std::string header, data;
    for (const Tensor &tensor : tensors) {
        header += (header.empty() ? "{\"" : ",\"") + tensor.name + R"(":{"dtype":")" +
                  tensor.dtype + R"(","shape":)" + tensor.shape + R"(,"data_offsets":[)" +
                  std::to_string(data.size()) + ",";
        data += tensor.data;
        header += std::to_string(data.size()) + "]}";
    }
    write_text(folder.path / "model.safetensors", safetensors_bytes(header + "}", data));
    fs::remove(folder.path / "config.json");
    if (!config.empty()) write_text(folder.path / "config.json", config);
    return folder.path;
}

Checkpoint open_model(const TemporaryFolder &folder, const std::vector<Tensor> &tensors,
                      const std::string &config) {
    return Checkpoint(write_model(folder, tensors, config), {"model.safetensors"});
}

std::string model_error(const std::vector<Tensor> &tensors, const std::string &config) {
    TemporaryFolder folder;
    return error_of([&] { open_model(folder, tensors, config); });
}

// Weights of value 1 in this shape, all of them read in one piece and in pieces of three.
std::vector<float> scaled_ones(const std::string &shape, size_t count, const Tensor &scale,
                               const std::string &config) {
    TemporaryFolder folder;
    const Checkpoint model =
        open_model(folder, {{"w", "F8_E4M3", shape, std::string(count, '\x38')}, scale}, config);
    CHECK(model.tensors.size() == 1);
    CHECK(model.notices.size() == 1);
    std::vector<float> values(count), pieces(count);
    const Checkpoint::Entry &entry = model.tensors.at("w");
    entry.read(0, count, values.data());
    for (size_t i = 0; i < count; i += 3) entry.read(i, std::min(i + 3, count), pieces.data() + i);
    CHECK(values == pieces);
    if (entry.tensor->shape.size() == 2) {
        const uint64_t cols = entry.tensor->shape[1];
        std::vector<float> row(cols);
        entry.read_row(1, row.data());
        CHECK(row == std::vector<float>(values.begin() + static_cast<ptrdiff_t>(cols),
                                        values.begin() + static_cast<ptrdiff_t>(2 * cols)));
    }
    return values;
}

std::string method_of(const std::string &quantization) {
    const QuantizationConfig parsed =
        parse_quantization("config.json", R"({"quantization_config":)" + quantization + "}");
    return parsed.method + "|" + parsed.format + (parsed.is_fp8 ? "|fp8" : "");
}

}  // namespace

TEST_CASE("FP8: a scale for all weights, for rows, for columns, for blocks, for experts") {
    using V = std::vector<float>;
    const auto scale = [](const char *shape, const V &values) {
        return Tensor{"w_scale_inv", "F32", shape, floats(values)};
    };
    CHECK(scaled_ones("[2,3]", 6, scale("[]", {3}), kFp8) == V{3, 3, 3, 3, 3, 3});
    CHECK(scaled_ones("[2,3]", 6, scale("[1]", {3}), kFp8) == V{3, 3, 3, 3, 3, 3});
    CHECK(scaled_ones("[2,3]", 6, scale("[1,1]", {3}), kFp8) == V{3, 3, 3, 3, 3, 3});
    CHECK(scaled_ones("[2,3]", 6, scale("[2,1]", {3, 4}), kFp8) == V{3, 3, 3, 4, 4, 4});
    CHECK(scaled_ones("[2,3]", 6, scale("[2]", {3, 4}), kFp8) == V{3, 3, 3, 4, 4, 4});
    CHECK(scaled_ones("[2,3]", 6, scale("[1,3]", {3, 4, 5}), kFp8) == V{3, 4, 5, 3, 4, 5});
    // Blocks of 2 x 3 that the last row and column fill in part.
    CHECK(scaled_ones("[3,4]", 12, scale("[2,2]", {3, 4, 5, 6}), kBlocks) ==
          V{3, 3, 3, 4, 3, 3, 3, 4, 5, 5, 5, 6});
    CHECK(scaled_ones("[2,3,2]", 12, scale("[2,1,1]", {3, 4}), kFp8) ==
          V{3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4});
    CHECK(scaled_ones("[2,3,2]", 12, scale("[2,2,1]", {3, 4, 5, 6}), kBlocks) ==
          V{3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 6, 6});
    CHECK(scaled_ones("[2,2,3]", 12, scale("[2,1,3]", {1, 2, 3, 4, 5, 6}), kFp8) ==
          V{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
}

TEST_CASE("FP8: scales of other names and dtypes") {
    using V = std::vector<float>;
    const std::string bf16("\x40\x40", 2);
    CHECK(scaled_ones("[2,1]", 2, {"w_scale", "BF16", "[1]", bf16}, kFp8) == V{3, 3});
    CHECK(scaled_ones("[2,1]", 2, {"w_scale", "F8_E8M0", "[2,1]", "\x80\x81"}, kFp8) == V{2, 4});
    const std::string channels =
        R"({"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"group_0":)"
        R"({"weights":{"num_bits":8,"type":"float","strategy":"channel"}}}}})";
    CHECK(scaled_ones("[2,1]", 2, {"w_scale", "F32", "[2,1]", floats({5, 6})}, channels) ==
          V{5, 6});
    const std::string blocks =
        R"({"text_config":{"quantization_config":{"quant_method":"compressed-tensors",)"
        R"("config_groups":{"a":{"weights":{"num_bits":8,"type":"float",)"
        R"("block_structure":[2,2]}},"b":{"weights":{"num_bits":8,"type":"float"}}}}}})";
    CHECK(scaled_ones("[3,2]", 6, {"w_scale", "F32", "[2,1]", floats({5, 6})}, blocks) ==
          V{5, 5, 5, 5, 6, 6});
}

TEST_CASE("FP8: scales are no tensors of the model") {
    TemporaryFolder folder;
    const std::string one = floats({1});
    const Checkpoint model = open_model(folder,
                                        {{"a.weight", "F8_E4M3", "[1,1]", "\x38"},
                                         {"a.weight_scale", "F32", "[1]", one},
                                         {"a.input_scale", "F32", "[]", one},
                                         {"a.k_scale", "F32", "[]", one},
                                         {"norm.weight", "F32", "[1]", one},
                                         {"gate_activation_scale", "F32", "[]", one},
                                         {"logit_scale", "F32", "[1]", one},
                                         {"a.block_scale", "F32", "[1]", one}},
                                        kFp8);
    std::string names;
    for (const auto &[name, entry] : model.tensors) names += name + " ";
    CHECK(names == "a.block_scale a.weight logit_scale norm.weight ");
    REQUIRE(model.notices.size() == 2);
    CHECK(contains(model.notices[0], "FP8 weights are multiplied by their scales: "
                                     "'a.weight_scale'"));
    CHECK(contains(model.notices[1], "scales of activations are left out: 'a.input_scale', "
                                     "'a.k_scale', 'gate_activation_scale'"));
    float value;
    model.tensors.at("norm.weight").read(0, 1, &value);
    CHECK(value == 1);
}

TEST_CASE("FP8: what is not understood is refused") {
    const Tensor weights = {"a.weight", "F8_E4M3", "[2,2]", "xxxx"};
    const std::string four = floats({1, 1, 1, 1});
    const auto refused = [&](const Tensor &scale, const std::string &config, const char *part) {
        const std::string message = model_error({weights, scale}, config);
        CHECK_MESSAGE(contains(message, part), message);
    };
    refused({"a.weight_scale", "F32", "[4]", four}, kFp8,
            "its shape [4] does not say how weights "
            "of shape [2, 2] are scaled");
    refused({"a.weight_scale", "F32", "[3,1]", floats({1, 1, 1})}, kFp8, "its shape [3, 1]");
    refused({"a.weight_scale", "F32", "[3,1]", floats({1, 1, 1})}, kBlocks, "its shape [3, 1]");
    refused({"a.weight_scale", "I32", "[1]", std::string(4, '\0')}, kFp8, "scale of dtype I32");
    refused({"a.other", "F32", "[1]", floats({1})}, kFp8,
            "'a.weight' is FP8, but there is no scale 'a.weight_scale_inv' or 'a.weight_scale'");
    refused({"b.weight_scale", "F32", "[1]", floats({1})}, kFp8, "there is no scale");
    CHECK(contains(model_error({{"b.weight", "F32", "[1]", floats({1})},
                                {"b.weight_scale", "F32", "[1]", floats({1})}},
                               kFp8),
                   "'b.weight_scale' is a scale, but there are no FP8 weights"));
    // Without a config that names the scales.
    for (const char *config : {"", "{}", R"({"quantization_config":{}})"})
        for (const char *name :
             {"a.weight_scale_inv", "a.scale", "a.scale_weight", "a.weight.scale"})
            refused({name, "F32", "[1]", floats({1})}, config, "is FP8 beside 'a.");
    refused({"a.weight_scale", "F32", "[2,1]", floats({1, 1})}, "{",
            "config.json: is not JSON; download it again");
    refused({"a.weight_scale", "F32", "[2,1]", floats({1, 1})}, "[]",
            "config.json: is no JSON object");
}

TEST_CASE("FP8: without scales and without a config that speaks of them, values are as they are") {
    for (const char *config : {"", R"({"model_type":"llama"})"}) {
        TemporaryFolder folder;
        const Checkpoint model = open_model(folder,
                                            {{"a.weight", "F8_E5M2", "[2]", "\x3C\xC0"},
                                             {"ab.scale", "F32", "[1]", floats({1})},
                                             {"a.norm.scale", "F32", "[1]", floats({1})}},
                                            config);
        float values[2];
        model.tensors.at("a.weight").read(0, 2, values);
        CHECK(values[0] == 1);
        CHECK(values[1] == -2);
        CHECK(model.tensors.size() == 3);
        CHECK(model.notices.empty());
    }
}

TEST_CASE("already quantized: what config.json says") {
    CHECK(method_of(R"({"quant_method":"gptq","bits":4})") == "gptq|4 bits");
    CHECK(method_of(R"({"quant_method":"awq","w_bit":4})") == "awq|4 bits");
    CHECK(method_of(R"({"load_in_4bit":true,"load_in_8bit":false})") == "bitsandbytes|4 bits");
    CHECK(method_of(R"({"quant_method":"bitsandbytes","load_in_8bit":true})") ==
          "bitsandbytes|8 bits");
    CHECK(method_of(R"({"quant_method":"mxfp4"})") == "mxfp4|");
    CHECK(method_of(R"({"bits":4,"group_size":64})") == "mlx|4 bits");
    CHECK(method_of(R"({"nbits":2})") == "a method without a name|2 bits");
    CHECK(method_of(R"({"quant_method":"compressed-tensors","format":"pack-quantized",)"
                    R"("config_groups":{"group_0":{"weights":{"num_bits":4,"type":"int"}}}})") ==
          "compressed-tensors|pack-quantized");
    CHECK(method_of(R"({"config_groups":{"a":{"weights":{"num_bits":8,"type":"float"}},)"
                    R"("b":{"weights":{"num_bits":4,"type":"float"}}}})") ==
          "compressed-tensors|8 bits");
    CHECK(method_of(R"({"quant_method":"modelopt","quant_algo":"NVFP4"})") == "modelopt|NVFP4");
    CHECK(method_of(R"({"quant_algo":"FP8"})") == "modelopt|FP8|fp8");
    CHECK(method_of(R"({"quant_method":"fbgemm_fp8"})") == "fbgemm_fp8||fp8");
    for (const char *odd : {R"({"quant_method":3})", R"({"config_groups":[1]})",
                            R"({"config_groups":{"a":3,"b":{"weights":[]}}})",
                            R"({"quant_method":"fp8","weight_block_size":[0,1]})",
                            R"({"quant_method":"fp8","weight_block_size":{"a":-1}})"})
        CHECK(method_of(odd) != "");
    for (const char *none : {"{}", R"({"quantization_config":null})", R"({"text_config":3})"})
        CHECK(parse_quantization("config.json", none).method.empty());
    // The groups' blocks differ, so that none is known.
    CHECK(parse_quantization("config.json", R"({"quantization_config":{"config_groups":{)"
                                            R"("a":{"weights":{"block_structure":[2,2]}},)"
                                            R"("b":{"weights":{"block_structure":[2,3]}}}}})")
              .block_shape.empty());
}

TEST_CASE("already quantized: refused by the config, with the next step") {
    const std::vector<Tensor> plain = {{"a.weight", "F32", "[1]", floats({1})}};
    const std::string gptq = R"({"quantization_config":{"quant_method":"gptq","bits":4}})";
    CHECK(contains(model_error(plain, gptq),
                   "config.json: this checkpoint is already quantized by gptq, 4 bits; give the "
                   "model that it was made from"));
    CHECK(contains(model_error(plain, R"({"quantization_config":{"quant_method":"mxfp4"}})"),
                   "Mxfp4Config(dequantize=True)"));
    const std::string bitsandbytes = R"({"quantization_config":{"load_in_4bit":true}})";
    CHECK(contains(model_error({{"a.weight", "U8", "[1]", "x"}}, bitsandbytes),
                   "already quantized by bitsandbytes, 4 bits"));
    for (const std::string &config : {bitsandbytes, kFp8}) {
        TemporaryFolder folder;
        const Checkpoint model = open_model(folder, plain, config);
        REQUIRE(model.notices.size() == 1);
        CHECK(contains(model.notices[0],
                       "the weights are not quantized: they are taken as they are"));
    }
    // What config.json says about weights is nothing about their gradients.
    TemporaryFolder folder;
    const Checkpoint gradients(write_model(folder, plain, gptq), {"model.safetensors"},
                               Checkpoint::Content::statistics);
    CHECK(gradients.tensors.size() == 1);
}

TEST_CASE("already quantized: a config without it") {
    CHECK(remove_quantization(R"({"b":1e-05,"a": [3]})") == R"({"b":1e-05,"a": [3]})");
    CHECK(remove_quantization(R"({"b":1e-05,"quantization_config":{"bits":4},"a":"\u00e9"})") ==
          R"({"b":1e-05,"a":"\u00e9"})");
    CHECK(remove_quantization(R"({"text_config":{"quantization_config":{"bits":4},"c":null}})") ==
          R"({"text_config":{"c":null}})");
    // Python writes what is no JSON, and a key may stand there twice.
    CHECK(remove_quantization(R"({ "a": [0.0, Infinity] , "quantization": {"b": NaN},
        "quantization": {"c": 1} })") == R"({ "a": [0.0, Infinity] })");
}

TEST_CASE("already quantized: recognised by the names of tensors") {
    struct Packed {
        const char *first, *dtype, *second, *method;
    };
    for (const Packed &packed : {
             Packed{"l.q.qweight", "I32", "l.q.qzeros", "gptq or awq"},
             Packed{"l.q.qweight", "I32", "l.q.lookup_table", "squeezellm"},
             Packed{"l.q.weight_packed", "I32", "l.q.weight_scale", "compressed-tensors"},
             Packed{"e.up_proj_blocks", "U8", "e.up_proj_scales", "mxfp4; make BF16 of it"},
             Packed{"l.q.weight", "U8", "l.q.weight.absmax", "bitsandbytes, 4 bits"},
             Packed{"l.q.weight", "I8", "l.q.SCB", "bitsandbytes, 8 bits"},
             Packed{"l.q.codes", "I16", "l.q.codebooks", "aqlm"},
             Packed{"l.q.W_q", "U8", "l.q.scale", "hqq"},
             Packed{"l.q.weight", "I8", "l.q.weight_scale", "integers of 8 bits"},
             Packed{"l.q.weight", "U8", "l.q.weight_scale_2", "nvfp4"},
             Packed{"l.q.weight", "U32", "l.q.scales", "mlx"},
         }) {
        const std::string data(8, '\0');
        const std::string shape = packed.dtype[1] == '8'   ? "[8]"
                                  : packed.dtype[1] == '1' ? "[4]"
                                                           : "[2]";
        const std::vector<Tensor> tensors = {{packed.first, packed.dtype, shape, data},
                                             {packed.second, "F32", "[2]", data}};
        for (const std::string &config : {std::string(), std::string("{}"), kFp8}) {
            const std::string message = model_error(tensors, config);
            CHECK_MESSAGE(contains(message, "this checkpoint is already quantized by " +
                                                std::string(packed.method)),
                          message);
        }
    }
    // The same names with plain weights are nothing of the kind.
    CHECK(
        model_error(
            {{"l.weight", "F32", "[1]", floats({1})}, {"l.scales", "F32", "[1]", floats({1})}}, "")
            .empty());
}

TEST_CASE("an adapter is no model") {
    const std::string part = "base.l.q.lora_A.weight", other = "base.l.q.lora_B.weight";
    const std::string one = floats({1});
    CHECK(contains(model_error({{part, "F32", "[1]", one}, {other, "F32", "[1]", one}}, ""),
                   "is an adapter (LoRA), not a model; merge it into its base model"));
    CHECK(
        model_error({{"l.q.lora_A.weight", "F32", "[1]", one}, {"l.weight", "F32", "[1]", one}}, "")
            .empty());
    CHECK(contains(model_error({{"base_model.model.l.q.lora_A.weight", "F32", "[1]", one},
                                {"base_model.model.lm_head.weight", "F32", "[1]", one}},
                               ""),
                   "is an adapter (LoRA)"));
}
