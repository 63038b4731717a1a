# SPDX-License-Identifier: MIT
"""Samples of calibration texts, as tokens of the model."""
import torch
from transformers import AutoTokenizer

from . import InputError
from .files import read_bytes, require_file

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                   "tokenizer.model")


def load_tokenizer(folder):
    for name in TOKENIZER_FILES:  # what transformers cannot read it takes as absent
        if (folder / name).exists():
            require_file(folder / name)
            with open(folder / name, "rb") as file:
                file.read(1)
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever its libraries raise
        raise InputError(f"{folder}: transformers cannot load its tokenizer: {error}") from error


def read_tokens(tokenizer, path):
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8: {error}") from error
    return torch.tensor(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


def windows(tokens, count, length, path):
    """Windows at evenly spread positions."""
    last_start = len(tokens) - length
    if last_start < 0:
        raise InputError(f"{path}: has {len(tokens)} tokens, fewer than --length {length}")
    return [tokens[start:start + length]
            for start in (last_start * i // max(count - 1, 1) for i in range(count))]


def read_samples(folder, texts, samples, length, vocabulary):
    """A tensor [samples, length] of the texts in turns: a, b, c, a, b, ...

    vocabulary: how many tokens the model knows.
    """
    tokenizer = load_tokenizer(folder)
    of_texts = [iter(windows(read_tokens(tokenizer, path), len(range(i, samples, len(texts))),
                             length, path)) for i, path in enumerate(texts)]
    result = torch.stack([next(of_texts[i % len(texts)]) for i in range(samples)])
    require_known(folder, result, vocabulary)
    return result


def require_known(folder, tokens, vocabulary):
    if tokens.numel() and tokens.max() >= vocabulary:
        raise InputError(f"{folder}: the tokenizer gives token {tokens.max()}, the model has "
                         f"{vocabulary}: they are not of the same model")
