# SPDX-License-Identifier: MIT
"""What densq-llama says to broken files, unsupported models and wrong use.

    check_errors.py LLAMA
"""
import copy
import json
import sys

import numpy as np

import support

LLAMA = sys.argv[1]
CONFIG = {
    "model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 10,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
}
LAYER = "model.layers.0."
DIGITS = json.loads(support.BYTE_TOKENIZER)
DIGITS["model"]["vocab"] = {digit: i for i, digit in enumerate("0123456789")}


def plain(*shape):
    return support.make_file.Tensor("F32", shape, np.full(shape, 0.25, "<f4").tobytes())


def quantized(rows, cols):
    codes = np.random.default_rng(1).integers(0, 4, (rows, cols))
    return support.make_file.Matrix(2, np.tile([-1.0, -0.5, 0.5, 1.0], (rows, 1)), codes)


class Content:
    """What goes into a file: a small model, to be spoiled."""

    def __init__(self):
        self.config = copy.deepcopy(CONFIG)
        self.metadata = {"tokenizer.json": json.dumps(DIGITS)}
        self.matrices = {}
        self.tensors = {}
        for name, shape in support.layer_shapes(CONFIG).items():
            if len(shape) == 2 and name.startswith(LAYER):
                self.matrices[name] = quantized(*shape)
            else:
                self.tensors[name] = plain(*shape)

    def write(self, path):
        metadata = {"config.json": json.dumps(self.config), **self.metadata}
        path.write_bytes(support.make_file.make_file(
            {key: text for key, text in metadata.items() if text is not None}, self.matrices,
            self.tensors))
        return path


def good_file(folder):
    return Content().write(folder / "good.densq")


def text_file(folder, text="0123456789" * 3):
    (folder / "text").write_text(text, encoding="utf-8")
    return folder / "text"


def logits(file, *options):
    return support.run(LLAMA, "logits", file, "--tokens", "1,2", *options)


def test_good_file(folder):
    """What the others spoil is fine."""
    file, text = good_file(folder), text_file(folder)
    assert logits(file).returncode == 0
    for command in (["generate", file, "--tokens", 5], ["speed", file, "--tokens", 5],
                    ["perplexity", file, "--text", text, "--window", 10, "--baseline", file]):
        support.output_of(LLAMA, *command)


def test_spoiled_config(folder):
    def without(key):
        return lambda config: config.pop(key)

    def having(**values):
        return lambda config: config.update(values)

    cases = [(without(key), key) for key in (
        "model_type", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "vocab_size", "max_position_embeddings")]
    cases += [(having(hidden_size=value), "hidden_size")
              for value in (0, -16, "16", 16.5, None, [16])]
    cases += [
        (having(hidden_size=1 << 40), "hidden_size"), (having(num_hidden_layers=5000), "layers"),
        (having(model_type="mistral"), "mistral"), (having(model_type=3), "string"),
        (having(hidden_act="gelu"), "hidden_act"), (having(attention_bias=True), "attention_bias"),
        (having(mlp_bias=True), "mlp_bias"),
        (having(rope_scaling={"rope_type": "llama3"}), "rope_scaling"),
        (having(rope_parameters={"rope_type": "yarn"}), "rope_type"),
        (having(num_attention_heads=3, num_key_value_heads=2), "multiple"),
        (having(head_dim=7), "even"), (having(num_attention_heads=16), "even"),
        (having(eos_token_id="end"), "number"), (having(rms_norm_eps="small"), "number"),
    ]
    for spoil, word in cases:
        content = Content()
        spoil(content.config)
        support.assert_error(logits(content.write(folder / "spoiled.densq")), "config.json", word)
    for text in ("", "{", "[]", "3"):
        content = Content()
        content.metadata["config.json"] = text
        support.assert_error(logits(content.write(folder / "spoiled.densq")), "config.json")


def test_missing_and_misshapen(folder):
    query, norm = LAYER + "self_attn.q_proj.weight", LAYER + "input_layernorm.weight"

    def retied(content):
        content.config["tie_word_embeddings"] = False

    def replaced(entries, name, entry):
        return lambda content: getattr(content, entries).update({name: entry})

    def removed(entries, name):
        return lambda content: getattr(content, entries).pop(name)

    cases = [
        (replaced("metadata", "config.json", None), ["has no config.json"]),
        (replaced("metadata", "tokenizer.json", None), ["has no tokenizer.json"]),
        (replaced("metadata", "tokenizer.json", "{}"), ["tokenizer.json", "model"]),
        (removed("tensors", norm), [norm]),
        (removed("tensors", "model.norm.weight"), ["model.norm"]),
        (removed("tensors", "model.embed_tokens.weight"), ["embed_tokens"]),
        (removed("matrices", query), [query]), (retied, ["lm_head.weight"]),
        (replaced("tensors", norm, plain(17)), [norm, "[17]", "[16]"]),
        (replaced("tensors", norm, plain(1, 16)), [norm, "[1, 16]", "[16]"]),
        (replaced("tensors", "model.embed_tokens.weight", plain(11, 16)), ["[11, 16]", "[10, 16]"]),
        (replaced("matrices", query, quantized(15, 16)), [query, "[15, 16]", "[16, 16]"]),
        (replaced("matrices", query, quantized(16, 32)), [query, "[16, 32]", "[16, 16]"]),
        (lambda content: content.config.update(num_hidden_layers=2), ["model.layers.1."]),
    ]
    for spoil, words in cases:
        content = Content()
        spoil(content)
        file = content.write(folder / "spoiled.densq")
        support.assert_error(logits(file), *words)
        support.assert_error(support.run(LLAMA, "generate", file), *words)


def test_no_densq_file(folder):
    good = good_file(folder).read_bytes()
    files = {"text": b"no densq file at all", "empty": b"", "short": good[:-64],
             "damaged": good[:-70] + b"\xff" + good[-69:]}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    for name in (*files, "missing", "."):
        for command in ("logits", "generate", "speed", "perplexity", "check"):
            options = {"logits": ["--tokens", 1]}.get(command, [])
            if command in ("perplexity", "check"):
                options = ["--text", folder / "text"]
            support.assert_error(support.run(LLAMA, command, folder / name, *options),
                                 str(folder / name))


def test_text_that_does_not_fit(folder):
    file, short = good_file(folder), text_file(folder, "012345678")
    for command in ("perplexity", "check"):
        support.assert_error(support.run(LLAMA, command, file, "--text", folder / "missing"),
                             "missing", "cannot open")
    support.assert_error(support.run(LLAMA, "perplexity", file, "--text", short, "--window", 10),
                         "9 tokens", "window")
    support.assert_error(support.run(LLAMA, "check", file, "--text", text_file(folder, "")),
                         "no text")
    support.assert_error(support.run(LLAMA, "logits", file, "--tokens", "1,10"), "token 10")
    support.assert_error(support.run(LLAMA, "logits", file, "--tokens", "4294967295"), "4294967295")


def test_files_that_do_not_suit(folder):
    file, text = good_file(folder), text_file(folder)
    other = Content()
    other.config["vocab_size"] = 11
    other.tensors["model.embed_tokens.weight"] = plain(11, 16)
    other.write(folder / "other.densq")
    support.assert_error(support.run(LLAMA, "perplexity", file, "--text", text, "--window", 10,
                                     "--baseline", folder / "other.densq"), "another model")
    nothing = Content()
    nothing.tensors.update({name: plain(*matrix.codes.shape)
                            for name, matrix in nothing.matrices.items()})
    nothing.matrices = {}
    nothing.write(folder / "nothing.densq")
    support.assert_error(support.run(LLAMA, "check", folder / "nothing.densq", "--text", text),
                         "no quantized layer")
    support.assert_error(support.run(LLAMA, "check", file, "--text", text, "--precision", "exact"),
                         "--precision fast or int8")
    support.assert_error(logits(file, "--backend", "abacus"), "abacus")


def test_wrong_use_is_exit_2(folder):
    file, text = good_file(folder), text_file(folder)
    for arguments in (
        [], ["bake"], ["generate"], ["speed"], ["check", file], ["perplexity", file],
        ["perplexity", "--text", text], ["logits", file], ["tokenize"], ["generate", file, file],
        ["generate", file, "--tokens", "many"], ["generate", file, "--tokens", -1],
        ["generate", file, "--precision", "approximate"], ["generate", file, "--heat", 1],
        ["generate", file, "--temperature", "hot"], ["generate", file, "--threads", -1],
        ["perplexity", file, "--text", text, "--window", 1],
        ["check", file, "--text", text, "--window", 0],
        ["logits", file, "--tokens", "x"], ["logits", file, "--tokens", "1,-2"],
        ["logits", file, "--tokens", "4294967296"], ["logits", file, "--tokens", 1, "--window", 0],
    ):
        result = support.run(LLAMA, *arguments)
        assert result.returncode == 2 and result.stderr and not result.stdout, (arguments, result)


def test_help(_):
    assert "generate" in support.output_of(LLAMA, "--help")
    assert "--temperature" in support.output_of(LLAMA, "generate", "--help")


support.run_tests(globals())
