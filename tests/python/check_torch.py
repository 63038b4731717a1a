# SPDX-License-Identifier: MIT
"""What needs PyTorch besides densq-gradients: checkpoints for densq-convert, densq-llama's logits.

    check_torch.py PACKAGE_DIR [DENSQ LLAMA]
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
from families import TEXT, write_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

PACKAGE, *PROGRAMS = sys.argv[1:]


def convert(*arguments):
    return subprocess.run([sys.executable, "-B", "-m", "densq_tools.convert", *map(str, arguments)],
                          cwd=PACKAGE, capture_output=True, text=True)


def check_logits(folder):
    """Of the unquantized model: within 1e-3 of PyTorch's, relative to their spread."""
    if not PROGRAMS:
        return
    densq, llama = PROGRAMS
    tokenizer = write_model(folder / "model")
    tokens = tokenizer.encode(TEXT[:300]).ids
    file = folder / "plain.densq"
    subprocess.run([densq, "quantize", "--quiet", "--unweighted", "--exclude", "*", "--model",
                    folder / "model", "-o", file], check=True)
    lines = subprocess.run([llama, "logits", file, "--tokens", ",".join(map(str, tokens))],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    found = torch.tensor([json.loads(line) for line in lines])
    model = LlamaForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    with torch.no_grad():
        wanted = model(torch.tensor([tokens])).logits[0]
    error = (found - wanted).abs().max() / wanted.std()
    assert error < 1e-3, error


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def check_checkpoints(folder):
    tensors = {f"model.layers.{i}.self_attn.q_proj.weight": torch.randn(4, 6) for i in range(2)}
    tensors["tied"] = tensors["model.layers.0.self_attn.q_proj.weight"]
    listed = [{"self_attn.q_proj": tensors[f"model.layers.{i}.self_attn.q_proj.weight"]}
              for i in range(2)]
    chunks = folder / "chunks"
    chunks.mkdir()
    for i in range(2):
        torch.save({"q": listed[i]["self_attn.q_proj"]}, chunks / f"layer_{i}.pt")
    untied = {name: tensor for name, tensor in tensors.items() if name != "tied"}
    for name, value, wanted in (("dict.pt", tensors, tensors),
                                ("state.bin", {"state_dict": tensors}, tensors),
                                ("list.pt", listed, untied), ("chunks", None, untied)):
        if value is not None:
            torch.save(value, folder / name)
        output = folder / f"{name}.safetensors"
        result = convert(folder / name, output)
        assert result.returncode == 0, result.stderr
        found = load_file(output)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def check_sentencepiece(folder):
    """The same tokens as SentencePiece's own of another text."""
    (folder / "text.txt").write_text(TEXT)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    model, target = folder / "tokenizer.model", folder / "tokenizer.json"
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "tokenizer"), vocab_size=320,
        model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, minloglevel=2)
    result = convert(model, target)
    assert result.returncode == 0, result.stderr
    text = "  green walls\nand 3 caf\u00e9s"
    wanted = sentencepiece.SentencePieceProcessor(model_file=str(model)).encode(text)
    assert Tokenizer.from_file(str(target)).encode(text, add_special_tokens=False).ids == wanted
    target.unlink()
    model.write_bytes(b"no model")
    result = convert(model, target)
    assert result.returncode == 1 and "cannot load this tokenizer" in result.stderr, result.stderr
    assert not target.exists()


def check_refusals(folder):
    torch.save({"a": Malicious()}, folder / "malicious.pt")
    torch.save({"a": 1}, folder / "number.pt")
    (folder / "broken.pt").write_bytes(b"PK\x03\x04 and no more")
    (folder / "empty").mkdir()
    save_file({"a": torch.zeros(1)}, folder / "other.safetensors")
    for source, words in (("malicious.pt", "without running code"), ("number.pt", "neither a dict"),
                          ("broken.pt", "broken.pt"), ("empty", "layer_*.pt"),
                          ("other.safetensors", "neither .gguf nor")):
        result = convert(folder / source, folder / "out.safetensors")
        assert result.returncode == 1 and words in result.stderr, (source, result)
        assert "Traceback" not in result.stderr, result.stderr
        assert not (folder / "out.safetensors").exists()
    assert not (Path(PACKAGE) / "executed").exists()


for check in (check_logits, check_checkpoints, check_sentencepiece, check_refusals):
    with tempfile.TemporaryDirectory() as temporary:
        check(Path(temporary))
    print(f"{check.__name__}: ok", flush=True)
