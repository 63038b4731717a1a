#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Quality at true bits per weight: densq beside llama.cpp's types, everything in one harness.

    python bench/quality.py --build build --cache CACHE --text TEST.txt --calibration VALID.txt

CACHE is what examples/smollm2/run.sh leaves: model/ (the unquantized baseline), model.gguf (the
file it came from), gradients.safetensors and moments.safetensors. Files of llama.cpp are made from
the same baseline, with and without an importance matrix of the calibration text, dequantized, and
evaluated like all others by densq-llama in F32. Only the linear layers count and differ: embedding
and norms are the baseline's. Needs densq-tools, and for building llama.cpp cmake and a compiler.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import gguf
from densq_tools.gguf_model import GgufModel, write_folder

from peers import LlamaCpp, run

DENSE = ["--outliers", "0%", "--sensitive", "0%"]
SPARSE = ["--outliers", "0.40%", "--sensitive", "0.05%"]
TYPES = ["Q4_0", "Q4_K_M", "IQ4_NL", "Q3_K_S", "Q3_K_M", "IQ3_S", "Q2_K"]


class Harness:
    def __init__(self, arguments):
        self.text, self.windows = arguments.text, arguments.windows
        self.cache = arguments.cache
        self.densq = arguments.build / "tools" / "densq" / "densq"
        self.llama = arguments.build / "examples" / "llama" / "densq-llama"
        self.baseline = self.cache / "baseline.densq"
        self.plain(self.cache / "model", self.baseline)

    def plain(self, model, output):
        if not output.is_file():
            run(self.densq, "quantize", "--quiet", "--unweighted", "--exclude", "*", "--model",
                model, "-o", output)

    def evaluate(self, name, file, bits, size):
        result = {"method": name, "bits_per_weight": round(bits, 4), "file_bytes": size}
        output = run(self.llama, "perplexity", file, "--baseline", self.baseline, "--text",
                     self.text, "--window", 512, "--windows", self.windows, "--json")
        result.update(json.loads(output))
        del result["tokens_per_second"]
        print(f"{name:44} {bits:6.3f} bits  PPL {result['perplexity']:9.3f}  "
              f"KL {result['kl_mean']:.4f}", file=sys.stderr, flush=True)
        return result

    def evaluate_baseline(self):
        return self.evaluate("baseline", self.baseline, 16, self.baseline.stat().st_size)

    def evaluate_densq(self, name, options):
        file = self.cache / f"{name.replace(' ', '-').replace('%', 'pc')}.densq"
        if not file.is_file():
            run(self.densq, "quantize", "--quiet", "--model", self.cache / "model", *options, "-o",
                file)
        info = json.loads(run(self.densq, "info", file, "--json"))
        return self.evaluate(name, file, info["totals"]["bits_per_weight"], file.stat().st_size)

    def evaluate_gguf(self, name, file):
        """The linear layers of a llama.cpp file in the baseline's place."""
        bits = linear_bits(file)
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            folder = pathlib.Path(folder)
            write_dequantized(file, self.cache / "model.gguf", folder / "model")
            self.plain(folder / "model", folder / "model.densq")
            return self.evaluate(name, folder / "model.densq", bits, file.stat().st_size)


def is_linear(name):
    return name.startswith("blk.") and "norm" not in name


def linear_bits(file):
    tensors = [t for t in gguf.GGUFReader(file).tensors if is_linear(t.name)]
    return 8 * sum(int(t.n_bytes) for t in tensors) / sum(int(t.n_elements) for t in tensors)


def write_dequantized(file, baseline, folder):
    """A model folder with the linear layers of `file` and all else of `baseline`."""
    ours, layers = GgufModel(baseline), dict(GgufModel(file).tensors())

    def is_linear_layer(name, values):
        return name.startswith("model.layers.") and values.ndim == 2

    write_folder(ours, ((name, layers[name] if is_linear_layer(name, values) else values)
                        for name, values in ours.tensors()), folder, "float32")


def measure_densq(harness, gradients, moments):
    weighted = ["--gradients", gradients]
    for bits in (4, 3, 2):
        base = ["--bits", bits]
        yield harness.evaluate_densq(f"densq {bits} bit + 0.45 % by moments",
                                     base + weighted + ["--moments", moments] + SPARSE)
        yield harness.evaluate_densq(f"densq {bits} bit + 0.45 %", base + weighted + SPARSE)
        yield harness.evaluate_densq(f"densq {bits} bit dense", base + weighted + DENSE)
        yield harness.evaluate_densq(f"densq {bits} bit + 0.45 % without gradients",
                                     base + ["--unweighted", "--outliers", "0.45%"])


def measure_llama_cpp(harness, peer, calibration, chunks):
    f16 = harness.cache / "f16.gguf"
    importance = harness.cache / "imatrix.gguf"
    peer.quantize(harness.cache / "model.gguf", f16, "F16")
    peer.importance_matrix(f16, calibration, importance, chunks)
    for kind in TYPES:
        for matrix in (None, importance):
            label = f"llama.cpp {kind}" + (" with importance matrix" if matrix else "")
            file = harness.cache / f"{kind}{'-imatrix' if matrix else ''}.gguf"
            peer.quantize(f16, file, kind, matrix)
            yield harness.evaluate_gguf(label, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="densq's build folder")
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--text", type=pathlib.Path, required=True, help="to evaluate on")
    parser.add_argument("--calibration", type=pathlib.Path, required=True,
                        help="for the importance matrix: the text of the gradients")
    parser.add_argument("--windows", type=int, default=24, help="of 512 tokens")
    parser.add_argument("--chunks", type=int, default=100, help="of the importance matrix")
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path("docs/results/quality.json"))
    arguments = parser.parse_args()
    harness = Harness(arguments)
    peer = LlamaCpp(arguments.cache)
    peer.build()
    results = [harness.evaluate_baseline()]
    results += measure_densq(harness, arguments.cache / "gradients.safetensors",
                             arguments.cache / "moments.safetensors")
    results += measure_llama_cpp(harness, peer, arguments.calibration, arguments.chunks)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({
        "text": arguments.text.name, "calibration": arguments.calibration.name, "window": 512,
        "windows": arguments.windows,
        "llama_cpp_python": peer.version, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
