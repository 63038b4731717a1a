# SPDX-License-Identifier: MIT
"""What densq-gradients refuses: with a message, and without an output.

    check_gradients_errors.py PACKAGE_DIR
"""
import json
import os
import shutil

import torch
from gradients_support import WEIGHTS, options, run, run_checks, write_inputs
from safetensors.torch import load_file, save_file


def change_weights(**changes):
    """In a model folder: tensors by their new values; None: no such tensor."""
    def change(folder):
        file = folder / "model" / WEIGHTS
        weights = load_file(file)
        for name, value in changes.items():
            name = f"model.layers.{name.replace('__', '.')}.weight"
            weights[name] = value
            if value is None:
                del weights[name]
        save_file(weights, file, metadata={"format": "pt"})
    return change


def change_json(name, **changes):
    def change(folder):
        path = folder / "model" / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return change


def put(name, data):
    def change(folder):
        path = folder / name
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    return change


def replace_by_fifo(name):
    def change(folder):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    return change


def replace_by_unreadable(name):
    """Its first byte is an input error, for root too."""
    def change(folder):
        (folder / name).unlink()
        (folder / name).symlink_to("/proc/self/mem")
    return change


def only_bin(folder):
    (folder / "model" / WEIGHTS).rename(folder / "model" / "pytorch_model.bin")


NAN = torch.full((16, 32), float("nan"))
REFUSALS = [  # a change of the inputs, words of the message
    (change_weights(**{"1__self_attn__k_proj": None}), "missing keys: model.layers.1.self_attn.k"),
    (change_weights(**{"2__self_attn__k_proj": NAN}), "unexpected keys: model.layers.2.self_attn"),
    (change_weights(**{"1__self_attn__k_proj": NAN[:8]}), "mismatched keys: model.layers.1.se"),
    (change_weights(**{"1__self_attn__k_proj": NAN}), "the loss of sample 0 is nan"),
    (change_json("config.json", quantization_config={"quant_method": "gptq"}), "already (gptq)"),
    (change_json("config.json", model_type="t5"), "no causal language model"),
    (change_json("config.json", model_type="unheard"), "config.json: transformers"),
    (change_json("config.json", model_type="mixtral", num_local_experts=1),
     "num_experts_per_tok is 2, num_experts only 1"),
    (change_json("config.json", max_position_embeddings=8), "the model's context of 8 tokens"),
    (change_json("config.json", vocab_size=30), "token"),
    (change_json("config.json", hidden_size="many"), "config.json"),
    (put("model/config.json", b"{"), "config.json: is not a configuration"),
    (put("model/tokenizer.json", b"{}"), "cannot load its tokenizer"),
    (put("text.txt", b"\xff" * 200), "text.txt: is not UTF-8"),
    (put("text.txt", b"short"), "has 5 tokens, fewer than --length"),
    (put("model/model.safetensors", b"\x99" * 99), "is not a whole safetensors file"),
    (only_bin, "densq-convert"),
    (replace_by_fifo("text.txt"), "text.txt: is no regular file"),
    (replace_by_fifo("model/config.json"), "config.json: is no regular file"),
    (replace_by_fifo("model/tokenizer.json"), "tokenizer.json: is no regular file"),
    (replace_by_fifo("model/model.safetensors"), "model.safetensors: is no regular file"),
    (replace_by_fifo("g.safetensors"), "g.safetensors: is no regular file"),
    (replace_by_unreadable("model/config.json"), "Input/output error"),
    (replace_by_unreadable("model/tokenizer.json"), "Input/output error"),
    (lambda folder: (folder / "g.safetensors").mkdir(), "g.safetensors: is a folder"),
]


def check_refusals(folder):
    write_inputs(folder / "good")
    for i, (change, words) in enumerate(REFUSALS):
        case = folder / str(i)
        shutil.copytree(folder / "good", case)
        change(case)
        before = sorted(case.rglob("*"))
        status, printed = run(*options(case))
        assert isinstance(status, str) and words in status, (words, status, printed)
        assert status.startswith("densq-gradients: error: ") and "--traceback" not in status, status
        assert sorted(case.rglob("*")) == before, words
    for more, words in ((["--device", "cuda:99"], "--device cuda:99: "),
                        (["--samples", "0"], "--samples must be at least 1"),
                        (["--length", "1"], "--length must be at least 2"),
                        (["--text", folder / "none.txt"], "none.txt: no such file"),
                        (["--output", folder / "none" / "g"], "none: no such folder")):
        status, _ = run(*options(folder / "good"), *more)
        assert isinstance(status, str) and words in status, (words, status)


run_checks(check_refusals)
