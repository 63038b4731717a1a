# SPDX-License-Identifier: MIT
"""A GGUF file, or all parts of a split one: its fields and its tensors."""
import re

import gguf
import numpy

from . import InputError, some_of
from .files import require_file


def read_part(path):
    require_file(path)
    try:
        return gguf.GGUFReader(path)
    except OSError:
        raise
    except Exception as error:  # of a broken file: whatever its parser meets
        raise InputError(f"{path}: not a GGUF file, or not a whole one: {error}") from error


class GgufFile:
    def __init__(self, path):
        self.path = path
        self.fields = read_part(path).fields
        parts = [read_part(part) for part in self._paths_of_parts()]
        self.fields = parts[0].fields  # those of the model stand in the first part
        self.tensors = {}
        for part in parts:
            for tensor in part.tensors:
                if tensor.name in self.tensors:
                    raise InputError(f"{path}: the tensor {tensor.name} is there twice")
                self.tensors[tensor.name] = tensor
        wanted = self.field("split.tensors.count", len(self.tensors))
        if len(self.tensors) != wanted:
            raise InputError(f"{path}: its parts have {len(self.tensors)} tensors together, "
                             f"not {wanted}")

    def _paths_of_parts(self):
        count = self.field("split.count", 1)
        if count == 1:
            return [self.path]
        own = self.field("split.no", 0) + 1
        stem = self.path.name.removesuffix(f"-{own:05}-of-{count:05}.gguf")
        if stem == self.path.name:
            raise InputError(f"{self.path}: is part {own} of {count}; its name must end in "
                             f"-{own:05}-of-{count:05}.gguf, and the other parts lie beside it")
        paths = [self.path.with_name(f"{stem}-{number:05}-of-{count:05}.gguf")
                 for number in range(1, count + 1)]
        missing = [path.name for path in paths if not path.exists()]
        if missing:
            raise InputError(f"{self.path}: is part {own} of {count}; beside it are missing: "
                             f"{some_of(missing)}")
        return paths

    def has(self, name):
        return name in self.fields

    def field(self, name, default=None):
        if name not in self.fields and default is None:
            raise InputError(f"{self.path}: the field {name} is missing")
        try:
            return self.fields[name].contents() if name in self.fields else default
        except Exception as error:  # of text that is not UTF-8, or an unknown type
            raise InputError(f"{self.path}: the field {name} cannot be read: {error}") from error

    def shape(self, name):
        """Rows first."""
        return tuple(int(size) for size in self.tensors[name].shape[::-1])

    def check_types(self):
        """That gguf can dequantize all tensors, by a row of each type."""
        one_of_each = {tensor.tensor_type: tensor for tensor in self.tensors.values()}
        for kind, tensor in one_of_each.items():
            try:
                gguf.quants.dequantize(tensor.data.reshape(-1, tensor.data.shape[-1])[:1], kind)
            except NotImplementedError as error:
                raise InputError(f"{self.path}: {tensor.name} is of the type {kind.name}, which "
                                 "gguf cannot dequantize") from error

    def read(self, name):
        """As F32."""
        tensor = self.tensors[name]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return values.astype(numpy.float32).reshape(self.shape(name))


def layer_and_name(name):
    """Of a tensor in a block, or None."""
    match = re.fullmatch(r"blk\.(\d+)\.(.+)\.weight", name)
    return match and (int(match[1]), match[2])
