# SPDX-License-Identifier: MIT
"""Writing files so that a name is either absent, old, or whole."""
import json
import os
from pathlib import Path

from safetensors.numpy import save_file

MAX_SHARD_BYTES = 4 * 10**9


def replace_file(path, write):
    """Lets write(temporary path) make a file beside `path`, then gives it that name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        allow_reading(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def allow_reading(path):
    """Gives a file the mode of other new files; safetensors makes its own for the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def write_text(path, text):
    replace_file(Path(path), lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path, value):
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


class ShardWriter:
    """Writes numpy tensors as model.safetensors, or as shards with an index where they are many."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.tensors, self.bytes, self.total = {}, 0, 0
        self.shards = []  # (temporary path, names)

    def add(self, name, tensor):
        if self.bytes and self.bytes + tensor.nbytes > MAX_SHARD_BYTES:
            self._flush()
        self.tensors[name] = tensor
        self.bytes += tensor.nbytes
        self.total += tensor.nbytes

    def _flush(self):
        path = self.folder / f".shard-{len(self.shards)}.{os.getpid()}.tmp"
        self.shards.append((path, list(self.tensors)))
        save_file(self.tensors, path, metadata={"format": "pt"})
        allow_reading(path)
        self.tensors, self.bytes = {}, 0

    def finish(self):
        self._flush()
        count = len(self.shards)
        if count == 1:
            os.replace(self.shards[0][0], self.folder / "model.safetensors")
            return
        weight_map = {}
        for number, (path, names) in enumerate(self.shards, start=1):
            shard = f"model-{number:05}-of-{count:05}.safetensors"
            os.replace(path, self.folder / shard)
            weight_map.update(dict.fromkeys(names, shard))
        write_json(self.folder / "model.safetensors.index.json",
                   {"metadata": {"total_size": self.total}, "weight_map": weight_map})

    def discard(self):
        for path, _ in self.shards:
            path.unlink(missing_ok=True)
