// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "tests/tools/temporary.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/quantize/tensor_selection.hpp"

using namespace densq::tool;
using densq::test::contains;
using densq::test::error_of;

namespace {

SafeTensor tensor_of(std::vector<uint64_t> shape, const char *dtype = "F16") {
    return {dtype, std::move(shape), nullptr, 0};
}

const SafeTensor kMatrix = tensor_of({8, 16});

TensorSelection selection() { return {4, {}, {}, {}, {}, {}}; }

// Its bits; 0: it is not quantized.
uint32_t bits_of(const TensorSelection &chosen, const std::string &name,
                 const SafeTensor &tensor = kMatrix) {
    const TensorChoice choice = TensorChooser(chosen, {}).choose(name, tensor);
    return choice.fate == Fate::kQuantized ? choice.bits : 0;
}

std::string unused(const TensorSelection &chosen, const std::vector<std::string> &names,
                   const SafeTensor &tensor = kMatrix) {
    TensorChooser chooser(chosen, {});
    for (const std::string &name : names) chooser.choose(name, tensor);
    try {
        chooser.require_used();
    } catch (const UsageError &error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("selection: exclude before bits_for before include before the linear layers") {
    const std::string linear = "model.layers.0.mlp.up_proj.weight", other = "lm_head.weight";
    TensorSelection chosen = selection();
    CHECK(bits_of(chosen, linear) == 4);
    CHECK(bits_of(chosen, other) == 0);
    chosen.include = {"nothing", "lm_*"};
    CHECK(bits_of(chosen, linear) == 0);
    CHECK(bits_of(chosen, other) == 4);
    chosen.bits_for = {{"*.layers.*", 3}, {"*up_proj*", 2}};
    CHECK(bits_of(chosen, linear) == 2);  // of several that match, the last
    CHECK(bits_of(chosen, "model.layers.0.x") == 3);
    CHECK(bits_of(chosen, other) == 4);
    chosen.exclude = {"*.layers.?.mlp.*"};
    CHECK(bits_of(chosen, linear) == 0);
    CHECK(bits_of(chosen, "model.layers.0.x") == 3);
    chosen.bits_for.clear();
    chosen.include.clear();
    CHECK(bits_of(chosen, "model.layers.0.self_attn.q_proj.weight") == 4);
    CHECK(bits_of(chosen, "model.layers.0.mlp.gate_proj.weight") == 0);
}

TEST_CASE("selection: patterns are globs over the whole name") {
    TensorSelection chosen = selection();
    chosen.drop = {"a.*", "b[0-9]", "c?"};
    const auto drops = [&](const char *name) {
        return TensorChooser(chosen, {}).choose(name, kMatrix).fate == Fate::kLeftOut;
    };
    for (const char *name : {"a.", "a.b/c.d", "b7", "cc"}) CHECK_MESSAGE(drops(name), name);
    for (const char *name : {"a", "xa.b", "bb", "b77", "c", "A.b", ""})
        CHECK_MESSAGE(!drops(name), name);
}

TEST_CASE("selection: why") {
    TensorSelection chosen = selection();
    const std::string linear = "layers.0.up.weight";
    const auto why = [&](const std::string &name) {
        return TensorChooser(chosen, {}).choose(name, kMatrix).why;
    };
    CHECK(why(linear) == "matrices of the layers");
    chosen.include = {"x"};
    CHECK(why(linear) == "not matched by --include");
    CHECK(why("x") == "--include");
    chosen.bits_for = {{"x", 2}};
    CHECK(why("x") == "--bits-for");
    chosen.exclude = {"*"};
    CHECK(why("x") == "--exclude");
    chosen.drop = {"x"};
    CHECK(why("x") == "--drop");
}

TEST_CASE("selection: a pattern that has nothing to do is an error") {
    TensorSelection chosen = selection();
    for (auto *patterns : {&chosen.include, &chosen.exclude, &chosen.drop}) {
        *patterns = {"a.*", "none.*"};
        CHECK(
            contains(unused(chosen, {"a.0.b", "model.x"}), "'none.*': no tensor has such a name"));
        CHECK(contains(unused(chosen, {"model.x", "a.0.b"}), "; one is called 'a.0.b'"));
        *patterns = {"a.*", "*.b"};
        CHECK(unused(chosen, {"a.0.b"}).empty());
        patterns->clear();
    }
    chosen.bits_for = {{"a.*", 3}, {"a.0.*", 2}};
    CHECK(unused(chosen, {"a.0.b"}).empty());
    CHECK(contains(unused(chosen, {"a.1.b"}), "--bits-for 'a.0.*'"));
    chosen.bits_for = {{"a.*", 3}};
    CHECK(contains(unused(chosen, {"a.0.b", "a.1.b"}, tensor_of({8})),
                   "none of the 2 tensors of such names is a matrix of floats"));
    chosen.bits_for.clear();
    chosen.drop = {"tokenizer.model"};
    TensorChooser chooser(chosen, {});
    CHECK(!chooser.drops_file("tokenizer.json"));
    CHECK(chooser.drops_file("tokenizer.model"));
    chooser.require_used();
}

TEST_CASE("selection: globs pass over what is no matrix") {
    TensorSelection chosen = selection();
    chosen.include = {"*.0.*"};
    chosen.bits_for = {{"*.0.*", 3}};
    CHECK(bits_of(chosen, "a.0.norm", tensor_of({8})) == 0);
    CHECK(bits_of(chosen, "a.0.mask", tensor_of({8, 8}, "BOOL")) == 0);
    CHECK(bits_of(chosen, "a.0.up") == 3);
    CHECK(bits_of(chosen, "a.0.experts", tensor_of({2, 8, 8})) == 3);
}

TEST_CASE("selection: what was asked for by name must be a matrix of floats") {
    TensorSelection chosen = selection();
    chosen.include = {"x"};
    const auto message = [&](const SafeTensor &tensor) {
        return error_of([&] { bits_of(chosen, "x", tensor); });
    };
    CHECK(message(tensor_of({3, 4}, "BF16")).empty());
    CHECK(contains(message(tensor_of({3})), "'x' of dtype F16 and shape [3] is no matrix"));
    CHECK(contains(message(tensor_of({3, 4}, "I32")), "dtype I32 and shape [3, 4] is no matrix"));
    chosen.exclude = {"x"};
    CHECK(message(tensor_of({3})).empty());
}
