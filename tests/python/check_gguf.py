# SPDX-License-Identifier: MIT
"""densq-convert: GGUF files made here become the Hugging Face models that they stand for.

    check_gguf.py PACKAGE_DIR
"""
import json

import gguf
import numpy
from gguf_support import FFN, HEADS, HIDDEN, KV_HEADS, LAYERS, WIDTH, convert, make_weights
from gguf_support import run_tests, write_gguf
from safetensors.numpy import load_file
from tokenizers import Tokenizer

TEXT = "It's 1984, and the caf\u00e9 costs 12 \u20ac!  \n\tYes<|end|>no"


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
        assert convert(folder / "m.gguf", folder / pre).returncode == 0
        tokenizer = Tokenizer.from_file(str(folder / pre / "tokenizer.json"))
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


run_tests(globals())
