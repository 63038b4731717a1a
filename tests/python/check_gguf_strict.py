# SPDX-License-Identifier: MIT
"""densq-convert takes over all that a GGUF file says about its model, or refuses it.

    check_gguf_strict.py PACKAGE_DIR
"""
import json
import os

import numpy
from gguf_support import HIDDEN, WIDTH, convert, make_weights, run_tests, vocabulary, write_gguf
from safetensors.numpy import load_file
from tokenizers import Tokenizer

WEIGHTS = make_weights(numpy.random.default_rng(1))
BASE = 1234.0  # of write_gguf


def converted(folder, weights=None, **fields):
    write_gguf(folder / "m.gguf", weights or WEIGHTS, **fields)
    result = convert(folder / "m.gguf", folder / "model")
    assert result.returncode == 0, result.stderr
    return folder / "model"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def refused(path, words):
    before = sorted(path.parent.rglob("*"))
    result = convert(path, path.parent / "out")
    assert result.returncode == 1 and words in result.stderr, (words, result.stderr)
    assert "Traceback" not in result.stderr and "--traceback" not in result.stderr, result.stderr
    assert sorted(path.parent.rglob("*")) == before, words


def test_split(folder):
    write_gguf(folder / "m.gguf", WEIGHTS)
    write_gguf(folder / "s.gguf", WEIGHTS, split=8)
    parts = sorted(folder.glob("s-0*.gguf"))
    assert len(parts) == 3
    for i, path in enumerate((folder / "m.gguf", parts[0], parts[2])):
        assert convert(path, folder / str(i)).returncode == 0, path
    whole = {file.name: file.read_bytes() for file in (folder / "0").iterdir()}
    for i in "12":
        files = {file.name: file.read_bytes() for file in (folder / i).iterdir()}
        assert files == whole
    data = parts[1].read_bytes()
    parts[1].unlink()
    refused(parts[0], "is part 1 of 3; beside it are missing: s-00002-of-00003.gguf")
    parts[1].write_bytes(data[:-64])
    refused(parts[0], "s-00002-of-00003.gguf: not a GGUF file, or not a whole one")
    refused(parts[0].rename(folder / "first.gguf"),
            "is part 1 of 3; its name must end in -00001-of-00003.gguf")


def llama3_divisors(factor, low, high, context, base, width):
    """As llama.cpp's converter computes them."""
    result = []
    for i in range(0, width, 2):
        wave = 2 * numpy.pi * base ** (i / width)
        smooth = (context / wave - low) / (high - low)
        result.append(1 if wave < context / high else factor if wave > context / low
                      else 1 / ((1 - smooth) / factor + smooth))
    return numpy.array(result, dtype=numpy.float32)


def test_rope_factors(folder):
    keys = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    for i, wanted in enumerate(((8.0, 1.0, 4.0, 100), (32.0, 1.0, 4.0, 64), (8.0, 1.0, 2.0, 1000))):
        case = folder / str(i)
        case.mkdir()
        factors = llama3_divisors(*wanted, BASE, WIDTH)
        config = read(converted(case, {**WEIGHTS, "rope_freqs.weight": factors}) / "config.json")
        found = config["rope_scaling"]
        assert found["rope_type"] == "llama3" and found.keys() == {"rope_type", *keys}
        again = llama3_divisors(*(found[key] for key in keys), BASE, WIDTH)
        assert numpy.allclose(again, factors, rtol=1e-6), (found, wanted)
        assert len(load_file(case / "model" / "model.safetensors")) == len(WEIGHTS)
    ones = numpy.ones(WIDTH // 2, dtype=numpy.float32)
    assert "rope_scaling" not in read(converted(folder, {**WEIGHTS, "rope_freqs.weight": ones})
                                      / "config.json")
    for odd in (ones * 8, ones / 2, numpy.linspace(1, 8, WIDTH // 2, dtype=numpy.float32)):
        write_gguf(folder / "odd.gguf", {**WEIGHTS, "rope_freqs.weight": odd})
        refused(folder / "odd.gguf", "rope_freqs.weight scales rotary frequencies by factors")


def test_llama31(folder):
    """Its own numbers come out, from its size of heads."""
    from densq_tools.gguf_rope import rope_scaling
    for factor in (8.0, 32.0):
        factors = llama3_divisors(factor, 1.0, 4.0, 8192, 500000.0, 128)
        assert rope_scaling(factors, 128, 500000.0) == {
            "rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def test_ends(folder):
    """Tokens that begin and end texts and answers."""
    end = len(vocabulary()[0]) - 1

    def add(writer):
        writer.add_add_bos_token(True)
        writer.add_eot_token_id(3)
    model = converted(folder, add=add)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    plain = tokenizer.encode("the", add_special_tokens=False).ids
    assert tokenizer.encode("the").ids == [end, *plain]
    for name in ("config.json", "generation_config.json"):
        assert read(model / name)["eos_token_id"] == [end, 3]


def test_templates(folder):
    def add(writer):
        writer.add_chat_template([{"name": "default", "template": "a"},
                                  {"name": "tool_use", "template": "b"}])
    found = read(converted(folder, add=add) / "tokenizer_config.json")["chat_template"]
    assert found == [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]


def test_llama3_words(folder):
    model = converted(folder, pre="llama-bpe")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    words = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str("It'S 12345 a-b\n\n  c")]
    assert words == ["It", "'S", "\u0120", "123", "45", "\u0120a", "-b", "\u010a\u010a", "\u0120",
                     "\u0120c"], words
    assert tokenizer.encode("a").ids[0] == len(vocabulary()[0]) - 1


def test_strange_fields(folder):
    for name, value in (("llama.attention.sliding_window", 4096), ("llama.expert_count", 8),
                        ("llama.rope.scaling.factor", 4), ("tokenizer.ggml.normalizer", 1)):
        write_gguf(folder / "m.gguf", WEIGHTS, add=lambda writer: writer.add_uint32(name, value))
        refused(folder / "m.gguf", f"these fields are not understood: {name} = {value}")
    for name, value, words in (("llama.rope.dimension_count", 8, "a head has 16"),
                               ("llama.attention.key_length", 8, "has the shape")):
        write_gguf(folder / "m.gguf", WEIGHTS, add=lambda writer: writer.add_uint32(name, value))
        refused(folder / "m.gguf", words)
    converted(folder, add=lambda writer: (writer.add_uint32("llama.expert_count", 0),
                                          writer.add_string("quantize.imatrix.file", "x")))


def test_strange_tensors(folder):
    name = "blk.1.ffn_up.weight"
    for weights, words in (
            ({key: w for key, w in WEIGHTS.items() if key != name}, f"missing tensors: {name}"),
            ({**WEIGHTS, "blk.2.ffn_up.weight": WEIGHTS[name]}, "not tensors of a LLaMA model"),
            ({**WEIGHTS, "blk.1.attn_q.bias": WEIGHTS["output_norm.weight"]}, "attn_q.bias"),
            ({**WEIGHTS, name: WEIGHTS[name][:50]}, f"{name} has the shape (50, {HIDDEN})"),
            ({**WEIGHTS, name: WEIGHTS[name] * 1e6}, "exceed float16; --dtype float32 keeps them"),
            ({**WEIGHTS, name: WEIGHTS[name] * numpy.float32("nan")}, "are not finite")):
        write_gguf(folder / "m.gguf", weights)
        refused(folder / "m.gguf", words)


def test_special_files(folder):
    (folder / "pointer.gguf").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1")
    refused(folder / "pointer.gguf", "is a pointer of git-lfs")
    os.mkfifo(folder / "fifo.gguf")
    refused(folder / "fifo.gguf", "fifo.gguf: is no regular file")
    (folder / "broken.gguf").symlink_to("/proc/self/mem")  # its first byte is an input error
    refused(folder / "broken.gguf", "Input/output error")
    write_gguf(folder / "m.gguf", WEIGHTS)
    (folder / "out").mkdir()
    (folder / "out" / "mine").write_text("kept")
    refused(folder / "m.gguf", "out: is there already; name a new folder, or delete it")


run_tests(globals())
