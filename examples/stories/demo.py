#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Quantizes the small model in every way and prints one table of what each costs and keeps."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "model"
TEXT = HERE / "heldout.txt"
PROMPT = "Once upon a time there was"

WEIGHTED = ["--gradients", str(MODEL / "gradients.safetensors")]
UNWEIGHTED = ["--unweighted"]
DENSE = ["--outliers", "0%", "--sensitive", "0%"]
SPARSE = ["--outliers", "0.40%", "--sensitive", "0.05%"]
SPARSE_UNWEIGHTED = ["--outliers", "0.45%", "--sensitive", "0%"]


def variants():
    """(name, options of `densq quantize`) for every row of the table."""
    yield "unquantized", ["--exclude", "*", *UNWEIGHTED]
    for bits in ("4", "3", "2"):
        yield f"{bits} bit + 0.45 %", ["--bits", bits, *WEIGHTED, *SPARSE]
        yield f"{bits} bit dense", ["--bits", bits, *WEIGHTED, *DENSE]
        yield f"{bits} bit + 0.45 %, no gradients", ["--bits", bits, *UNWEIGHTED,
                                                     *SPARSE_UNWEIGHTED]
        yield f"{bits} bit dense, no gradients", ["--bits", bits, *UNWEIGHTED, *DENSE]


class Programs:
    """The two programs of a build folder."""

    def __init__(self, build):
        self.densq = build / "tools" / "densq" / "densq"
        self.llama = build / "examples" / "llama" / "densq-llama"

    @staticmethod
    def run(*command):
        """Returns its output; what it notes on stderr would tear the table apart."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout

    def quantize(self, options, output):
        self.run(self.densq, "quantize", "--model", MODEL, *options, "--quiet", "-o", output)

    def info(self, file):
        return json.loads(self.run(self.densq, "info", file, "--json"))

    def perplexity(self, file, baseline, windows):
        return json.loads(self.run(self.llama, "perplexity", file, "--baseline", baseline,
                                   "--text", TEXT, "--window", 256, "--windows", windows,
                                   "--json"))

    def tokens_per_second(self, file):
        """Median of five runs, as one takes less time than the system needs to interrupt it."""
        return statistics.median(
            json.loads(self.run(self.llama, "speed", file, "--json"))["tokens_per_second"]
            for _ in range(5))


def print_table(programs, folder, windows):
    baseline = folder / "unquantized.densq"
    print(f"{'':31} {'bits/weight':>11} {'file kB':>8} {'perplexity':>10} {'KL mean':>8} "
          f"{'KL p99':>7} {'top-1':>6} {'tokens/s':>8}")
    for name, options in variants():
        file = folder / f"{name.replace(' ', '_').replace('%', 'percent')}.densq"
        programs.quantize(options, file)
        info, quality = programs.info(file), programs.perplexity(file, baseline, windows)
        speed = programs.tokens_per_second(file)
        bits = info["totals"]["bits_per_weight"] or 16.0
        print(f"{name:31} {bits:11.3f} {file.stat().st_size / 1000:8.0f} "
              f"{quality['perplexity']:10.3f} {quality['kl_mean']:8.4f} {quality['kl_p99']:7.3f} "
              f"{quality['top1_agreement']:6.1%} {speed:8.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path, help="the build folder")
    parser.add_argument("--windows", type=int, default=40,
                        help="windows of 256 tokens to evaluate on (default: %(default)s)")
    arguments = parser.parse_args()
    programs = Programs(arguments.build.resolve())
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        print_table(programs, folder, arguments.windows)
        print("\nThe 3-bit file with its sparse part writes:\n", flush=True)
        subprocess.run([programs.llama, "generate", folder / "3_bit_+_0.45_percent.densq",
                        "--prompt", PROMPT, "--tokens", "160", "--temperature", "0.6",
                        "--seed", "4"], check=True)


if __name__ == "__main__":
    sys.exit(main())
