#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What it costs the small model when most of its gradients are zero: the table of
docs/quantization.md.

    python bench/zero_gradients.py build

The gradients are scaled so that a share of them is too small for F16. Then the model is quantized
without gradients, with zeros that hardly count (2^-40 of the row's largest gradient, the least that
the tool has), and with the zeros as they are.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import numpy as np
import safetensors.numpy

from peers import run

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "tools"))
from models import load, to_floats  # noqa: E402

STORIES = ROOT / "examples" / "stories"
SMALLEST = 2.0 ** -25  # what is not above it becomes zero in F16


def underflow(gradients, share):
    """The same numbers as if F16 had held them, in a scale in which `share` of them vanish."""
    scale = SMALLEST / np.quantile(np.concatenate([g.ravel() for g in gradients.values()]), share)
    return {name: (values * scale).astype(np.float16).astype(np.float32)
            for name, values in gradients.items()}


def without_zeros(gradients):
    return {name: np.where(values == 0, 2.0 ** -40 * values.max(axis=1, keepdims=True), values)
            for name, values in gradients.items()}


class Harness:
    def __init__(self, build, folder, windows):
        self.densq = build / "tools" / "densq" / "densq"
        self.llama = build / "examples" / "llama" / "densq-llama"
        self.folder, self.windows = folder, windows
        self.baseline = self.quantize("baseline", "--unweighted", "--exclude", "*")

    def quantize(self, name, *options):
        output = self.folder / f"{name}.densq"
        run(self.densq, "quantize", "--quiet", "--model", STORIES / "model", *options, "-o", output)
        return output

    def divergence(self, bits, gradients):
        """Mean KL divergence from the unquantized model; without gradients if that is None."""
        weighting = ["--unweighted", "--outliers", "0.45%"]
        if gradients is not None:
            file = self.folder / "gradients.safetensors"
            safetensors.numpy.save_file(gradients, file)
            weighting = ["--gradients", file]
        quantized = self.quantize("quantized", "--bits", bits, *weighting)
        report = run(self.llama, "perplexity", quantized, "--baseline", self.baseline, "--text",
                     STORIES / "heldout.txt", "--window", 256, "--windows", self.windows, "--json")
        return json.loads(report)["kl_mean"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the build folder")
    parser.add_argument("--windows", type=int, default=40, help="of 256 tokens")
    arguments = parser.parse_args()
    gradients = {name: to_floats(values).astype(np.float32)
                 for name, values in load(STORIES / "model" / "gradients.safetensors").items()
                 if "_proj" in name}
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(arguments.build.resolve(), pathlib.Path(folder), arguments.windows)
        print("| bits | zeros | no gradients | zeros hardly count | zeros as they are |")
        print("|---|---|---|---|---|")
        for bits in (4, 3, 2):
            none = harness.divergence(bits, None)
            for share in (0, 0.2, 0.5, 0.8, 0.9, 0.96, 0.99):
                some = underflow(gradients, share) if share else gradients
                before, now = (harness.divergence(bits, g) for g in (without_zeros(some), some))
                print(f"| {bits} | {share:.0%} | {none:.4f} | {before:.4f} | {now:.4f} |",
                      flush=True)


if __name__ == "__main__":
    main()
