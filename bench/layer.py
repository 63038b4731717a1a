#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times `densq quantize` on one decoder layer of LLaMA-7B's shape and extrapolates to the 32.

    python bench/layer.py build/tools/densq/densq

Weights (F16) and squared gradients (BF16) are made up as in bench/kmeans.py and written to a
temporary folder, 0.8 GB. The time is the whole command's: reading, clustering on all cores,
writing. Needs numpy.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy

from kmeans import make_rows

LAYERS = 32
HIDDEN, INTERMEDIATE = 4096, 11008
SHAPES = {f"self_attn.{name}_proj": (HIDDEN, HIDDEN) for name in "qkvo"} | {
    "mlp.gate_proj": (INTERMEDIATE, HIDDEN),
    "mlp.up_proj": (INTERMEDIATE, HIDDEN),
    "mlp.down_proj": (HIDDEN, INTERMEDIATE),
}


def write_safetensors(path, tensors):
    """tensors: name -> (dtype, array)."""
    header, offset = {}, 0
    for name, (dtype, array) in tensors.items():
        header[name] = {"dtype": dtype, "shape": array.shape,
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in tensors.values():
            array.tofile(file)


def make_layer(folder):
    random = numpy.random.default_rng(1)
    weights, gradients = {}, {}
    for name, shape in SHAPES.items():
        rows = make_rows(*shape, random)
        name = f"model.layers.0.{name}.weight"
        weights[name] = "F16", rows[:, 0].astype(numpy.float16)
        bits = numpy.ascontiguousarray(rows[:, 1]).view(numpy.uint32) >> 16
        gradients[name] = "BF16", bits.astype(numpy.uint16)
    write_safetensors(folder / "model.safetensors", weights)
    write_safetensors(folder / "gradients.safetensors", gradients)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("densq", type=pathlib.Path, help="the tool")
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 3])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_layer(folder)
        for bits in arguments.bits:
            start = time.perf_counter()
            subprocess.run([arguments.densq, "quantize", "--model", folder / "model.safetensors",
                            "--gradients", folder / "gradients.safetensors", "--bits", str(bits),
                            "--quiet", "-o", folder / f"{bits}.densq"],
                           check=True)
            seconds = time.perf_counter() - start
            print(f"{bits} bits: {seconds:.1f} s a layer, {LAYERS} layers "
                  f"{LAYERS * seconds / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
