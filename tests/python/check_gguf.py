# SPDX-License-Identifier: MIT
"""densq-convert: GGUF files made here become the Hugging Face models that they stand for.

    check_gguf.py PACKAGE_DIR
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import load_file
from tokenizers import Tokenizer

PACKAGE = sys.argv[1]
HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, WIDTH = 64, 96, 2, 4, 2, 16
TEXT = "It's 1984, and the caf\u00e9 costs 12 \u20ac!  \n\tYes<|end|>no"


def convert(*arguments):
    return subprocess.run([sys.executable, "-B", "-m", "densq_tools.convert", *map(str, arguments)],
                          cwd=PACKAGE, capture_output=True, text=True)


def byte_tokens():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def vocabulary():
    tokens = byte_tokens() + ["th", "the", "\u0120the", "Ye", "<|end|>"]
    merges = ["t h", "th e", "\u0120 the", "Y e"]
    kinds = [1] * (len(tokens) - 1) + [3]
    return tokens, merges, kinds


def make_weights(random):
    """A model's weights by their names in GGUF."""
    def matrix(rows, cols):
        return random.standard_normal((rows, cols)).astype(numpy.float32)

    weights = {"token_embd.weight": matrix(len(vocabulary()[0]), HIDDEN),
               "output_norm.weight": matrix(1, HIDDEN)[0]}
    for i in range(LAYERS):
        for name, rows, cols in (
                ("attn_q", HEADS * WIDTH, HIDDEN), ("attn_k", KV_HEADS * WIDTH, HIDDEN),
                ("attn_v", KV_HEADS * WIDTH, HIDDEN), ("attn_output", HIDDEN, HEADS * WIDTH),
                ("ffn_gate", FFN, HIDDEN), ("ffn_up", FFN, HIDDEN), ("ffn_down", HIDDEN, FFN)):
            weights[f"blk.{i}.{name}.weight"] = matrix(rows, cols)
        for name in ("attn_norm", "ffn_norm"):
            weights[f"blk.{i}.{name}.weight"] = matrix(1, HIDDEN)[0]
    return weights


def write_gguf(path, weights, kind=gguf.GGMLQuantizationType.F32, pre="smollm", **fields):
    writer = gguf.GGUFWriter(path, fields.get("architecture", "llama"))
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1234.0)
    tokens, merges, kinds = vocabulary()
    writer.add_tokenizer_model(fields.get("tokenizer", "gpt2"))
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_merges(merges)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(len(tokens) - 1)
    writer.add_eos_token_id(len(tokens) - 1)
    for name, values in weights.items():
        quantized = values.ndim == 2 and kind != gguf.GGMLQuantizationType.F32
        data = gguf.quants.quantize(values, kind) if quantized else values
        writer.add_tensor(name, data, raw_dtype=kind if quantized else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rotate(x, position, neighbours):
    """Rotary positions of one head: pairs are neighbours (llama.cpp) or halves (Hugging Face)."""
    half = WIDTH // 2
    angle = position * 1234.0 ** (-numpy.arange(half) / half)
    a, b = (x[0::2], x[1::2]) if neighbours else (x[:half], x[half:])
    a, b = a * numpy.cos(angle) - b * numpy.sin(angle), b * numpy.cos(angle) + a * numpy.sin(angle)
    return numpy.stack([a, b], axis=1).ravel() if neighbours else numpy.concatenate([a, b])


def scores(q, k, x, neighbours):
    """Of every query head with its key head, for two inputs at positions 5 and 3."""
    queries, keys = (q @ x[0]).reshape(HEADS, WIDTH), (k @ x[1]).reshape(KV_HEADS, WIDTH)
    return [rotate(queries[h], 5, neighbours) @ rotate(keys[h * KV_HEADS // HEADS], 3, neighbours)
            for h in range(HEADS)]


def test_weights(folder):
    random = numpy.random.default_rng(1)
    weights = make_weights(random)
    write_gguf(folder / "m.gguf", weights)
    result = convert(folder / "m.gguf", folder / "model", "--dtype", "float32")
    assert result.returncode == 0, result.stderr
    got = load_file(folder / "model" / "model.safetensors")
    assert len(got) == len(weights)
    assert numpy.array_equal(got["model.embed_tokens.weight"], weights["token_embd.weight"])
    assert numpy.array_equal(got["model.norm.weight"], weights["output_norm.weight"])
    x = random.standard_normal((2, HIDDEN))
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        for theirs, ours in (("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj"),
                             ("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"),
                             ("ffn_down", "mlp.down_proj"), ("attn_norm", "input_layernorm"),
                             ("ffn_norm", "post_attention_layernorm")):
            assert numpy.array_equal(got[f"{layer}{ours}.weight"],
                                     weights[f"blk.{i}.{theirs}.weight"]), ours
        # q and k are reordered, so that halves rotated against each other give the same scores.
        want = scores(weights[f"blk.{i}.attn_q.weight"], weights[f"blk.{i}.attn_k.weight"], x, True)
        have = scores(got[f"{layer}self_attn.q_proj.weight"],
                      got[f"{layer}self_attn.k_proj.weight"], x, False)
        assert numpy.allclose(want, have, rtol=1e-5), (want, have)


def test_config(folder):
    weights = make_weights(numpy.random.default_rng(2))
    write_gguf(folder / "m.gguf", weights)
    assert convert(folder / "m.gguf", folder / "model").returncode == 0
    config = json.loads((folder / "model" / "config.json").read_text())
    expected = {"hidden_size": HIDDEN, "intermediate_size": FFN, "num_hidden_layers": LAYERS,
                "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": WIDTH,
                "rope_theta": 1234.0, "tie_word_embeddings": True, "model_type": "llama"}
    assert {key: config[key] for key in expected} == expected, config
    weights["output.weight"] = weights["token_embd.weight"] + 1
    write_gguf(folder / "untied.gguf", weights)
    assert convert(folder / "untied.gguf", folder / "untied").returncode == 0
    assert not json.loads((folder / "untied" / "config.json").read_text())["tie_word_embeddings"]
    assert "lm_head.weight" in load_file(folder / "untied" / "model.safetensors")


def test_quantized(folder):
    weights = make_weights(numpy.random.default_rng(3))
    kind = gguf.GGMLQuantizationType.Q8_0
    write_gguf(folder / "m.gguf", weights, kind)
    assert convert(folder / "m.gguf", folder / "model", "--dtype", "float32").returncode == 0
    got = load_file(folder / "model" / "model.safetensors")
    want = gguf.quants.dequantize(gguf.quants.quantize(weights["blk.0.ffn_up.weight"], kind), kind)
    assert numpy.array_equal(got["model.layers.0.mlp.up_proj.weight"], want)


def test_tokenizer(folder):
    weights = make_weights(numpy.random.default_rng(4))
    for pre, digits in (("smollm", 4 + 2), ("gpt-2", 4 + 2)):
        write_gguf(folder / "m.gguf", weights, pre=pre)
        assert convert(folder / "m.gguf", folder / "model").returncode == 0
        tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
        encoding = tokenizer.encode(TEXT)
        assert tokenizer.decode(encoding.ids, skip_special_tokens=False) == TEXT
        assert encoding.tokens.count("<|end|>") == 1 and "\u0120the" in encoding.tokens
        assert sum(token in "0123456789" for token in encoding.tokens) == digits
        kinds = {step["type"] for step in json.loads(tokenizer.to_str())["pre_tokenizer"].get(
            "pretokenizers", [{"type": "ByteLevel"}])}
        assert kinds == ({"Digits", "ByteLevel"} if pre == "smollm" else {"ByteLevel"})


def test_refusals(folder):
    weights = make_weights(numpy.random.default_rng(5))
    (folder / "text.gguf").write_text("not a GGUF file at all, but long enough to be looked at")
    write_gguf(folder / "other.gguf", weights, architecture="qwen2")
    write_gguf(folder / "spm.gguf", weights, tokenizer="llama")
    write_gguf(folder / "pre.gguf", weights, pre="deepseek-coder")
    write_gguf(folder / "odd.gguf", {**weights, "blk.0.extra.weight": weights["token_embd.weight"]})
    for name, words in (("text.gguf", "not a GGUF file"), ("other.gguf", "only llama"),
                        ("spm.gguf", "only gpt2"), ("pre.gguf", "deepseek-coder"),
                        ("odd.gguf", "blk.0.extra.weight"), ("missing.gguf", "no such file")):
        result = convert(folder / name, folder / "out")
        assert result.returncode == 1 and words in result.stderr, (name, result.stderr)
        assert "Traceback" not in result.stderr, result.stderr
        left = list((folder / "out").iterdir()) if (folder / "out").exists() else []
        assert not left, left


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as folder:
                test(Path(folder))
            print(f"{name}: ok")


main()
