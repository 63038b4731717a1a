#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of README.md whose numbers are in docs/results.

    python bench/readme_tables.py comparison    densq beside llama.cpp
    python bench/readme_tables.py shares        share of plain reading, batch 1, 0.45 % sparse
"""
import json
import pathlib
import sys

from gemv_report import BITS, Results, percent
from report_text import markdown_table

RESULTS = pathlib.Path(__file__).resolve().parent.parent / "docs/results"
THREADS = 2


def load(name):
    return json.loads((RESULTS / name).read_text())["results"]


def quality_row():
    found = {r["method"]: r for r in load("quality.json")}

    def kl(method):
        return f"{found[method]['kl_mean']:.4f} with {found[method]['bits_per_weight']:.3f} bits"

    others = ", ".join(f"{name} {kl(f'llama.cpp {name} with importance matrix')}"
                       for name in ("IQ4_NL", "Q3_K_M"))
    return ["quality at about 4.5 bits: KL divergence (smaller is better)",
            f"{kl('densq 4 bit + 0.45 %')}", f"{others} (both with importance matrix)"]


def speed_row(label, key, others):
    found = {r["model"]: r for r in load("speed.json") if r["threads"] == THREADS}
    ours = ", ".join(f"{bits} bit {found[f'densq {bits} bit + 0.45 %, fast'][key]:.0f}"
                     for bits in (4, 3))
    theirs = ", ".join(f"{name} {found[f'llama.cpp {name}'][key]:.0f}" for name in others)
    return [label, ours, theirs]


def batches_row():
    results = Results(load("batches.json"))
    batches = [batch for batch in results.values("batch") if batch >= 16]
    where = {"rows": 4096, "cols": 4096, "threads": THREADS}

    def span(times):
        speeds = [2e-3 * 4096 * 4096 * batch / time for batch, time in zip(batches, times)]
        return f"{min(speeds):.0f} to {max(speeds):.0f}"

    ours = [results.time(True, method="avx512", bits=4, precision="fast", batch=batch, **where)
            for batch in batches]
    theirs = ", ".join(
        f"{name.upper()} {span([results.ggml(name, batch=batch, **where) for batch in batches])}"
        for name in ("q4_K", "q4_0", "f16"))
    return [f"4096 x 4096, batches of {batches[0]} to {batches[-1]}, GFLOP/s",
            f"4 bit {span(ours)}", theirs]


def comparison():
    return markdown_table(["", "densq, 0.45 % sparse", "llama.cpp"], [
        quality_row(),
        speed_row("generating, tokens/s", "tokens_per_second", ("Q4_0", "IQ4_NL", "Q3_K_S")),
        speed_row("prompt of 128 tokens, tokens/s", "prompt_tokens_per_second",
                  ("Q4_0", "IQ4_NL", "Q3_K_S", "F16")),
        batches_row()])


def shares():
    results = Results(load("gemv.json"))
    columns = [(backend, bits) for backend in ("avx512", "avx2") for bits in BITS]
    rows = []
    for shape_rows, cols in ((4096, 4096), (11008, 4096)):
        row = [f"{shape_rows} x {cols}"]
        for backend, bits in columns:
            where = [{"rows": shape_rows, "cols": cols, "threads": threads, "batch": 1,
                      "bits": bits} for threads in (1, 2)]
            row.append(", ".join(
                percent(results.time(True, method="read", **place),
                        results.time(True, method=backend, precision="fast", **place))
                for place in where))
        rows.append(row)
    return markdown_table(["", *(f"{backend} {bits} bits" if bits == BITS[0] else f"{bits} bits"
                                 for backend, bits in columns)], rows)


if __name__ == "__main__":
    print({"comparison": comparison, "shares": shares}[sys.argv[1]]())
