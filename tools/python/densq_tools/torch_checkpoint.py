# SPDX-License-Identifier: MIT
"""PyTorch checkpoints of weights or gradients as safetensors, without running their pickles."""
import pickle
import re

import torch
from safetensors.torch import save_file

from . import InputError, some_of
from .files import (compare_with_index, output_file, read_index, replace_file, require_file,
                    require_space)

# The keys of SqueezeLLM's layer_N.pt files.
CHUNK_NAMES = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj",
    "o": "self_attn.o_proj", "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
}


def load(path):
    require_file(path)
    path.open("rb").close()  # what cannot be read is no matter of its format
    errors = []
    for mmap in (True, False):  # an old format cannot be mapped
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
        except Exception as error:
            errors.append(error)
    if isinstance(errors[-1], pickle.UnpicklingError):
        raise InputError(f"{path}: cannot be loaded without running code that it contains: "
                         f"{errors[-1]}")
    raise InputError(f"{path}: is not a checkpoint that PyTorch can load: {errors[-1]}")


def named_tensors(value, path):
    """The tensors of a state dict, or of a list with a dict of modules for each layer."""
    if isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    if isinstance(value, dict) and all(isinstance(t, torch.Tensor) for t in value.values()):
        return value
    if isinstance(value, list) and all(isinstance(layer, dict) for layer in value):
        return {f"model.layers.{i}.{name}.weight": tensor
                for i, layer in enumerate(value) for name, tensor in layer.items()}
    raise InputError(f"{path}: neither a dict of tensors nor a list of such dicts")


def read_folder(folder):
    path = folder / "pytorch_model.bin.index.json"
    if path.exists():
        index = read_index(path)
        tensors = merge((folder / shard, named_tensors(load(folder / shard), folder / shard))
                        for shard in sorted(set(index.values())))
        compare_with_index(path, index, tensors.keys())
        return tensors
    single = folder / "pytorch_model.bin"
    if single.exists():
        return named_tensors(load(single), single)
    chunks = sorted((path for path in folder.glob("layer_*.pt") if re.search(r"_\d+$", path.stem)),
                    key=lambda path: int(path.stem.split("_")[1]))
    if not chunks:
        raise InputError(f"{folder}: has no pytorch_model.bin, no index of shards and no "
                         "layer_*.pt")
    tensors = {}
    for path in chunks:
        for key, tensor in named_tensors(load(path), path).items():
            if key not in CHUNK_NAMES:
                raise InputError(f"{path}: the key {key!r} is not one of {', '.join(CHUNK_NAMES)}")
            layer = path.stem.split("_")[1]
            tensors[f"model.layers.{layer}.{CHUNK_NAMES[key]}.weight"] = tensor
    return tensors


def merge(parts):
    tensors = {}
    for path, part in parts:
        twice = sorted(tensors.keys() & part.keys())
        if twice:
            raise InputError(f"{path}: {some_of(twice)}: in another shard too")
        tensors.update(part)
    return tensors


def convert(source, output):
    """Writes one safetensors file with the tensors of a checkpoint file or folder."""
    target = output_file(output)
    tensors = read_folder(source) if source.is_dir() else named_tensors(load(source), source)
    # safetensors refuses tensors that share memory, as tied ones do.
    seen, separate = set(), {}
    for name, tensor in tensors.items():
        shared = tensor.untyped_storage().data_ptr() in seen
        seen.add(tensor.untyped_storage().data_ptr())
        separate[name] = tensor.clone() if shared else tensor.contiguous()
    require_space(target.parent, sum(tensor.nbytes for tensor in separate.values()))
    replace_file(target, lambda path: save_file(separate, path, metadata={"format": "pt"}))
    return len(separate)
