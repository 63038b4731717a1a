# SPDX-License-Identifier: MIT
"""What needs PyTorch: densq-tools' squared gradients and checkpoints, and densq-llama's logits.

    check_torch.py PACKAGE_DIR [DENSQ LLAMA]
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PACKAGE, *PROGRAMS = sys.argv[1:]
SAMPLES, LENGTH = 40, 24
TEXT = "".join(f"{i} bottles stand on the wall, {i * i % 97} of them are green.\n"
               for i in range(400))


def command(module, *arguments):
    return [sys.executable, "-B", "-m", f"densq_tools.{module}", *map(str, arguments)]


def run(module, *arguments):
    return subprocess.run(command(module, *arguments), cwd=PACKAGE, capture_output=True, text=True)


def write_model(folder):
    torch.manual_seed(1)
    characters = sorted(set(TEXT.replace("\n", "")) | {"\u010a", "\u0120"})
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(characters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    config = LlamaConfig(vocab_size=len(characters), hidden_size=32, intermediate_size=48,
                         num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                         tie_word_embeddings=True)
    LlamaForCausalLM(config).save_pretrained(folder)
    return tokenizer


def expected_sums(folder, tokenizer):
    """By the book: for each sample the gradient of its mean cross-entropy, squared, added up."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokens = torch.tensor(tokenizer.encode(TEXT).ids)
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for i in range(SAMPLES):
        start = (len(tokens) - LENGTH) * i // (SAMPLES - 1)
        sample = tokens[start:start + LENGTH]
        model.zero_grad()
        logits = model(sample.unsqueeze(0)).logits[0]
        torch.nn.functional.cross_entropy(logits[:-1], sample[1:]).backward()
        for name, parameter in model.named_parameters():
            sums[name] += parameter.grad ** 2
    return sums, dict(model.named_parameters())


def check_gradients(folder):
    tokenizer = write_model(folder / "model")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    options = ["--model", folder / "model", "--text", folder / "text.txt", "--samples", SAMPLES,
               "--length", LENGTH, "--dtype", "f32"]
    result = run("gradients", *options, "--embeddings", "--output", folder / "g.safetensors")
    assert result.returncode == 0, result.stderr
    found = load_file(folder / "g.safetensors")
    sums, weights = expected_sums(folder / "model", tokenizer)
    assert found.keys() == sums.keys(), found.keys() ^ sums.keys()
    for name, values in found.items():
        wanted = weights[name] if "norm" in name else sums[name]
        torch.testing.assert_close(values, wanted.detach(), rtol=1e-4, atol=1e-9)
    check_resuming(folder, options)


def check_resuming(folder, options):
    """Killed once it has saved, and started again: the same bytes as undisturbed."""
    whole, output = folder / "whole.safetensors", folder / "cut.safetensors"
    assert run("gradients", *options, "--output", whole).returncode == 0
    partial = output.with_name(output.name + ".partial")
    process = subprocess.Popen(command("gradients", *options, "--output", output), cwd=PACKAGE,
                               stderr=subprocess.DEVNULL)
    while not partial.exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert partial.exists() and not output.exists()
    result = run("gradients", *options, "--output", output)
    assert result.returncode == 0, result.stderr
    assert output.read_bytes() == whole.read_bytes() and not partial.exists()


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
        result = run("convert", folder / name, output)
        assert result.returncode == 0, result.stderr
        found = load_file(output)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def check_refusals(folder):
    torch.save({"a": Malicious()}, folder / "malicious.pt")
    torch.save({"a": 1}, folder / "number.pt")
    (folder / "broken.pt").write_bytes(b"PK\x03\x04 and no more")
    (folder / "empty").mkdir()
    save_file({"a": torch.zeros(1)}, folder / "other.safetensors")
    for source, words in (("malicious.pt", "without running code"), ("number.pt", "neither a dict"),
                          ("broken.pt", "broken.pt"), ("empty", "layer_*.pt"),
                          ("other.safetensors", "neither .gguf nor")):
        result = run("convert", folder / source, folder / "out.safetensors")
        assert result.returncode == 1 and words in result.stderr, (source, result)
        assert "Traceback" not in result.stderr, result.stderr
        assert not (folder / "out.safetensors").exists()
    assert not (Path(PACKAGE) / "executed").exists()


for check in (check_gradients, check_logits, check_checkpoints, check_refusals):
    with tempfile.TemporaryDirectory() as temporary:
        check(Path(temporary))
    print(f"{check.__name__}: ok", flush=True)
