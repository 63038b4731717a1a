# SPDX-License-Identifier: MIT
"""Reading regular files only; writing so that a name is either absent, old, or whole."""
import contextlib
import json
import os
import shutil
import stat
from pathlib import Path

from safetensors.numpy import save_file

from . import InputError, some_of

MAX_SHARD_BYTES = 4 * 10**9


def require_file(path):
    """A regular file: others may have no end, or no beginning."""
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: is no regular file")


def read_bytes(path):
    require_file(path)
    return path.read_bytes()


def read_index(path):
    """The shard of each tensor, by an index of shards."""
    try:
        index = json.loads(read_bytes(path))["weight_map"]
        outside = [shard for shard in index.values() if "/" in shard or shard.startswith(".")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is not an index of shards: {error!r}") from error
    if outside:
        raise InputError(f"{path}: names a shard outside its folder: {some_of(outside)}")
    return index


def compare_with_index(path, index, names):
    """index: of read_index; names: the tensors that the shards have."""
    for odd, words in ((index.keys() - names, "in the index, not in the shards"),
                       (names - index.keys(), "in a shard, not in the index")):
        if odd:
            raise InputError(f"{path}: {some_of(sorted(odd))}: {words}; download the model again")


def output_file(path):
    """The regular file that is to be written, behind a symbolic link; there need not be one yet."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: is no regular file")
    require_folder(target.parent)
    return target


def require_folder(folder):
    """A folder for output."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder for the output")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder}: no permission to write in this folder")


def require_space(folder, size):
    free = shutil.disk_usage(folder).free
    if size > free:
        raise InputError(f"{folder}: {size / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")


def replace_file(path, write):
    """Lets write(temporary path) make a file beside `path`, then gives it that name and the mode
    that the file of that name had."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        write(temporary)
        temporary.chmod(stat.S_IMODE(path.stat().st_mode) if path.exists() else mode_of_new_files())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def mode_of_new_files():
    """safetensors makes its own for the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_text(path, text):
    replace_file(Path(path), lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path, value):
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def new_folder(folder):
    """A folder to fill, which gets its name when everything is in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there already; name a new folder, or delete it")
    unfinished = folder.with_name(f"{folder.name}.partial")
    if unfinished.exists():
        strange = [path.name for path in unfinished.iterdir()
                   if path.suffix not in (".safetensors", ".json", ".tmp")]
        if strange:
            raise InputError(f"{unfinished}: is in the way, with {some_of(strange)}")
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        os.rename(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished)
        raise


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
        path = self.folder / f"shard-{len(self.shards)}.tmp"
        self.shards.append((path, list(self.tensors)))
        save_file(self.tensors, path, metadata={"format": "pt"})
        path.chmod(mode_of_new_files())
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
