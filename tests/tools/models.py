# SPDX-License-Identifier: MIT
"""Made-up models, and safetensors files as numpy arrays; those of uint16 are BF16, which numpy and
the numpy part of the package lack."""
import json
import struct
from pathlib import Path

import numpy as np
import safetensors.numpy


def make_weights(rows, cols, seed):
    return (0.02 * np.random.default_rng(seed).standard_normal((rows, cols))).astype(np.float32)


def make_gradients(tensors, seed=1):
    random = np.random.default_rng(seed)
    return {name: np.exp(3 * random.standard_normal(values.shape)).astype(np.float32)
            for name, values in tensors.items()}


def to_bf16(values):
    """As 16-bit patterns, cut off."""
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2")


def from_bf16(bits):
    return (bits.astype("<u4") << 16).view("<f4")


def save(path, tensors):
    data = safetensors.numpy.save(tensors, metadata={"format": "np"})
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    for entry in header.values():
        if entry.get("dtype") == "U16":
            entry["dtype"] = "BF16"
    save_raw(path, header, data[8 + size:])


def load(path):
    data = Path(path).read_bytes()
    size, = struct.unpack_from("<Q", data)
    dtypes = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*(8 + size + o for o in entry["data_offsets"]))],
                                dtypes[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def save_raw(path, header, data):
    header = json.dumps(header).encode()
    Path(path).write_bytes(struct.pack("<Q", len(header)) + header + data)


def save_shards(folder, tensors, count, single="model"):
    """Spreads the tensors over `count` shards with an index."""
    folder.mkdir(exist_ok=True)
    weight_map = {}
    for shard in range(count):
        file_name = f"{single}-{shard + 1:05}-of-{count:05}.safetensors"
        part = {name: tensors[name] for name in sorted(tensors)[shard::count]}
        save(folder / file_name, part)
        weight_map.update({name: file_name for name in part})
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / f"{single}.safetensors.index.json").write_text(json.dumps(index))


def to_floats(values):
    return from_bf16(values) if values.dtype == np.uint16 else values.astype(np.float32)
