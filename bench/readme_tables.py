#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of README.md whose numbers are in docs/results.

    python bench/readme_tables.py comparison    densq beside llama.cpp
    python bench/readme_tables.py shares        share of plain reading, batch 1, 0.45 % sparse
"""
from functools import partial
import json
import pathlib
import sys

from gemv_report import BITS, PEERS, Results, percent
from report_text import markdown_table

RESULTS = pathlib.Path(__file__).resolve().parent.parent / "docs/results"
THREADS = 2
MEASURED = {"AVX2": ("zen3", "avx2"), "AVX-512": ("xeon-avx512", "avx512")}


def load(name):
    return json.loads((RESULTS / name).read_text())["results"]


def quality_row():
    found = {r["method"]: r for r in load("quality.json")}

    def kl(method):
        return f"{found[method]['kl_mean']:.4f} with {found[method]['bits_per_weight']:.3f} bits"

    others = ", ".join(f"{name} {kl(f'llama.cpp {name} with importance matrix')}"
                       for name in ("IQ4_NL", "Q3_K_M"))
    return ["quality at about 4.5 bits: KL divergence (smaller is better)",
            f"{kl('densq 4 bit + 0.45 % by moments')}; by the paper's method "
            f"{kl('densq 4 bit + 0.45 %')} (`fast`)",
            f"{others} (both with importance matrix)"]


def speed_row(label, key, folder, others):
    found = {r["model"]: r for r in load(f"{folder}/speed.json") if r["threads"] == THREADS}
    ours = "; ".join(f"`{precision}` " + ", ".join(
        f"{bits} bit {found[f'densq {bits} bit + 0.45 %, {precision}'][key]:.0f}"
        for bits in BITS) for precision in ("fast", "int8"))
    theirs = ", ".join(f"{name} {found[f'llama.cpp {name}'][key]:.0f}" for name in others)
    return [label, ours, theirs]


def batches_row(label, folder, backend):
    results = Results(load(f"{folder}/batches.json"))
    batches = [batch for batch in results.values("batch") if batch >= 16]
    where = {"rows": 4096, "cols": 4096, "threads": THREADS}

    def span(time):
        speeds = [2e-3 * 4096 * 4096 * batch / time(batch=batch, **where) for batch in batches]
        return f"{min(speeds):.0f} to {max(speeds):.0f}"

    def ours(precision, bits):
        return span(partial(results.time, True, method=backend, bits=bits, precision=precision))

    return [label.format(first=batches[0], last=batches[-1]),
            f"`fast` 4 bit {ours('fast', 4)}; `int8` " +
            ", ".join(f"{bits} bit {ours('int8', bits)}" for bits in BITS),
            ", ".join(f"{name.upper()} {span(partial(results.ggml, name))}"
                      for name in (*(name for bits in BITS for name in PEERS[bits]), "f16"))]


def comparison():
    rows = [quality_row()]
    for label, (folder, backend) in MEASURED.items():
        rows += [speed_row(f"{label}: generating, tokens/s", "tokens_per_second", folder,
                           ("Q4_0", "IQ4_NL", "Q3_K_S", "Q2_K")),
                 speed_row(f"{label}: prompt of 128 tokens, tokens/s", "prompt_tokens_per_second",
                           folder, ("Q4_0", "IQ4_NL", "Q3_K_S", "Q2_K", "F16")),
                 batches_row(f"{label}: 4096 x 4096, batches of {{first}} to {{last}}, GFLOP/s",
                             folder, backend)]
    return markdown_table(["", "densq, 0.45 % sparse", "llama.cpp"], rows)


def shares():
    columns = [(label, precision) for label in MEASURED for precision in ("fast", "int8")]
    rows = []
    for shape_rows, cols in ((4096, 4096), (11008, 4096)):
        for bits in BITS:
            row = [f"{shape_rows} x {cols}, {bits} bits"]
            for label, precision in columns:
                folder, backend = MEASURED[label]
                results = Results(load(f"{folder}/gemv.json"))
                where = [{"rows": shape_rows, "cols": cols, "threads": threads, "batch": 1,
                          "bits": bits} for threads in (1, 2)]
                row.append(", ".join(
                    percent(results.time(True, method="read", **place),
                            results.time(True, method=backend, precision=precision, **place))
                    for place in where))
            rows.append(row)
    return markdown_table(["", *(f"{label}, `{precision}`" for label, precision in columns)], rows)


if __name__ == "__main__":
    print({"comparison": comparison, "shares": shares}[sys.argv[1]]())
