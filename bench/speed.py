#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tokens per second of a whole model: densq beside llama.cpp, in alternation.

    python bench/speed.py --build build --cache CACHE --output docs/results/CPU/speed.json

CACHE is what examples/smollm2/run.sh and bench/quality.py leave. Every contestant processes a
prompt of 128 tokens and, from an empty context, generates 64; they take turns, round after round,
and medians are compared.
"""
import argparse
import json
import pathlib
import statistics
import sys

from peers import BUILDS, LlamaCpp, run
from quality import DENSE, SPARSE

PROMPT, TOKENS = 128, 64
TYPES = ["F16", "Q4_0", "Q4_K_M", "IQ4_NL", "Q3_K_S", "Q3_K_M", "IQ3_S", "Q2_K"]
EMBEDDING = ["--bits-for", "model.embed_tokens.weight=4"]


class DensqModel:
    def __init__(self, name, program, file, precision):
        self.name, self.program, self.file, self.precision = name, program, file, precision

    def measure(self, threads):
        speed = json.loads(run(self.program, "speed", self.file, "--precision", self.precision,
                               "--threads", threads, "--prompt-tokens", PROMPT, "--tokens", TOKENS,
                               "--json"))
        return speed["prompt_tokens_per_second"], speed["tokens_per_second"]


class LlamaCppModel:
    def __init__(self, name, program, file):
        self.name, self.program, self.file = name, program, file

    def measure(self, threads):
        tests = json.loads(run(self.program, "-m", self.file, "-p", PROMPT, "-n", TOKENS, "-t",
                               threads, "-r", 1, "-o", "json"))
        speeds = {test["n_prompt"] > 0: test["avg_ts"] for test in tests}
        return speeds[True], speeds[False]


def cpu_name():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} CPUs"


def densq_models(arguments):
    densq = arguments.build / "tools" / "densq" / "densq"
    llama = arguments.build / "examples" / "llama" / "densq-llama"
    for bits in (4, 3, 2):
        for label, options in (("+ 0.45 %", SPARSE), ("dense", DENSE)):
            file = arguments.cache / f"speed-{bits}-{label[0]}.densq"
            if not file.is_file():
                run(densq, "quantize", "--quiet", "--model", arguments.cache / "model",
                    "--gradients", arguments.cache / "gradients.safetensors", "--bits", bits,
                    *options, *EMBEDDING, "-o", file)
            for precision in ("exact", "fast", "int8"):
                yield DensqModel(f"densq {bits} bit {label}, {precision}", llama, file, precision)


def llama_cpp_models(arguments, peer):
    f16 = arguments.cache / "f16.gguf"
    peer.quantize(arguments.cache / "model.gguf", f16, "F16")
    for kind in TYPES:
        file = f16 if kind == "F16" else arguments.cache / f"{kind}.gguf"
        if kind != "F16":
            peer.quantize(f16, file, kind)
        yield LlamaCppModel(f"llama.cpp {kind}", peer.bin / "llama-bench", file)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="densq's build folder")
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cpu", choices=BUILDS, default="native",
                        help="that llama.cpp is built for")
    parser.add_argument("--output", type=pathlib.Path, required=True,
                        help="docs/results/CPU/speed.json")
    arguments = parser.parse_args()
    peer = LlamaCpp(arguments.cache, arguments.cpu)
    peer.build()
    models = [*densq_models(arguments), *llama_cpp_models(arguments, peer)]
    results = []
    for threads in arguments.threads:
        rounds = []
        for number in range(arguments.rounds):
            rounds.append([model.measure(threads) for model in models])
            print(f"{threads} threads, round {number + 1}", file=sys.stderr, flush=True)
        for i, model in enumerate(models):
            prompt, generation = (statistics.median(speeds[i][kind] for speeds in rounds)
                                  for kind in (0, 1))
            results.append({"model": model.name, "threads": threads,
                            "file_bytes": model.file.stat().st_size,
                            "prompt_tokens_per_second": round(prompt, 1),
                            "tokens_per_second": round(generation, 1)})
            print(f"{model.name:32} {threads} threads {prompt:8.1f} {generation:8.1f}",
                  file=sys.stderr)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({
        "cpu": cpu_name(), "prompt": PROMPT, "tokens": TOKENS, "rounds": arguments.rounds,
        "llama_cpp_python": peer.version, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
