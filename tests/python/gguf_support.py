# SPDX-License-Identifier: MIT
"""GGUF files made here, and densq-convert."""
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy

PACKAGE = sys.argv[1]
sys.path.insert(0, PACKAGE)
HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, WIDTH = 64, 96, 2, 4, 2, 16


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


def write_gguf(path, weights, kind=gguf.GGMLQuantizationType.F32, pre="smollm", add=None, split=0,
               **fields):
    """add: gets the writer, for more fields; split: tensors in a part, of several."""
    writer = gguf.GGUFWriter(path, fields.get("architecture", "llama"), split_max_tensors=split)
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
    if add:
        add(writer)
    for name, values in weights.items():
        quantized = values.ndim == 2 and kind != gguf.GGMLQuantizationType.F32
        data = gguf.quants.quantize(values, kind) if quantized else values
        writer.add_tensor(name, data, raw_dtype=kind if quantized else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def run_tests(module):
    for name, test in list(module.items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as folder:
                test(Path(folder))
            print(f"{name}: ok", flush=True)
