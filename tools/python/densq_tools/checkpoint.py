# SPDX-License-Identifier: MIT
"""The tensors of a model folder, by their names in its safetensors files."""
import zlib

import torch
from safetensors import SafetensorError, safe_open

from . import InputError, some_of
from .files import compare_with_index, read_index, require_file

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


class Checkpoint:
    def __init__(self, folder):
        self.folder = folder
        self.files = {}  # the open file of each tensor
        index = None if (folder / SINGLE).exists() else self._read_index()
        for shard in [SINGLE] if index is None else sorted(set(index.values())):
            self._open(shard)
        if index is not None:
            compare_with_index(folder / INDEX, index, self.files.keys())

    def _read_index(self):
        path = self.folder / INDEX
        if not path.exists():
            old = next(self.folder.glob("*.bin"), None)
            step = "" if old is None else (f"; it has {old.name}: densq-convert {self.folder} "
                                           f"{self.folder / SINGLE} makes safetensors of it")
            raise InputError(f"{self.folder}: has neither {SINGLE} nor {INDEX}{step}")
        return read_index(path)

    def _open(self, shard):
        path = self.folder / shard
        require_file(path)
        try:
            file = safe_open(path, "pt")
        except SafetensorError as error:
            raise InputError(f"{path}: is not a whole safetensors file: {error}") from error
        twice = sorted(set(file.keys()) & self.files.keys())
        if twice:
            raise InputError(f"{path}: {some_of(twice)}: in another shard too")
        self.files.update(dict.fromkeys(file.keys(), file))

    def __contains__(self, name):
        return name in self.files

    def __iter__(self):
        return iter(self.files)

    def read(self, name):
        return self.files[name].get_tensor(name)

    def shape(self, name):
        return self.files[name].get_slice(name).get_shape()

    def weights(self):
        """How many numbers the tensors have, together."""
        return sum(torch.Size(self.shape(name)).numel() for name in self.files)


def bytes_of(tensor):
    return tensor.contiguous().view(torch.uint8).flatten() if tensor.numel() else tensor


def checksum(tensor):
    return zlib.crc32(bytes_of(tensor.cpu()).numpy()) if tensor.numel() else 0
