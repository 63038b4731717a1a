# SPDX-License-Identifier: MIT
"""Upper triangles of symmetric matrices in a safetensors file that is written piece by piece.

A triangle is one dimension of a tensor, F32: row after row, each from its diagonal element on.
"""
import json
import math
import os
import struct

import torch

from . import InputError

KEY = "densq.moments"


def upper_triangle(matrix):
    return torch.cat([row[i:] for i, row in enumerate(matrix)])


class TriangleFile:
    """Until it is finished, its name has .partial at the end."""

    def __init__(self, path, shapes, facts):
        """shapes: {name: (size, 0)} of matrices, {name: (size, count)} of stacks; facts: what the
        contents depend on, and what a reader may want to know; JSON."""
        self.path, self.partial = path, path.with_name(path.name + ".partial")
        self.names, self.ends = list(shapes), []
        entries, end = {"__metadata__": {KEY: json.dumps(facts)}}, 0
        for name, (size, count) in shapes.items():
            shape = ([count] if count else []) + [size * (size + 1) // 2]
            begin, end = end, end + 4 * math.prod(shape)
            entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
            self.ends.append(end)
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self.header = struct.pack("<Q", len(text)) + text

    def resume(self):
        """Takes up what an interrupted run has written; returns the names that are missing."""
        if self.partial.is_file():
            with open(self.partial, "rb") as file:
                if file.read(len(self.header)) != self.header:
                    raise InputError(f"{self.partial} is from a run with another model, text or "
                                     "samples; delete it to begin anew")
            data = self.partial.stat().st_size - len(self.header)
            written = sum(end <= data for end in self.ends)
            os.truncate(self.partial, len(self.header) + [0, *self.ends][written])
            return self.names[written:]
        self.partial.write_bytes(self.header)
        return self.names

    def append(self, triangle):
        with open(self.partial, "ab") as file:
            file.write(triangle.contiguous().numpy().data)

    def finish(self):
        with open(self.partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(self.partial, self.path)

    def is_finished(self):
        """Whether there is a file already that these sizes and facts would make."""
        if not self.path.is_file():
            return False
        with open(self.path, "rb") as file:
            same = file.read(len(self.header)) == self.header
        return same and self.path.stat().st_size == len(self.header) + (self.ends or [0])[-1]
