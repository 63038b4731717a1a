#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tables and a roofline plot of what densq-gemv measured.

    python bench/gemv_report.py docs/results            writes gemv.md and gemv.svg there
    python bench/gemv_report.py docs/results --check    compares gemv.md with what it would write

Reads gemv.json (one vector), warm.json (the same, in the cache) and batches.json of that folder.
The plot needs matplotlib.
"""
import json

from report_text import folder_and_check, markdown_table, write_or_check

BITS = (4, 3, 2)
GGML_OF_BATCHES = ("q4_K", "q4_0", "iq4_nl", "f16")


class Results:
    def __init__(self, results):
        self.results = results

    def time(self, sparse=None, **wanted):
        found = [r for r in self.results
                 if all(r.get(key) == value for key, value in wanted.items())
                 and (sparse is None or (r["nnz"] > 0) == sparse)]
        return found[0]["microseconds"] if found else None

    def ggml(self, type_name, **wanted):
        """The time of ggml's faster form of a type, repacked or not."""
        times = [self.time(method=f"ggml {type_name}{suffix}", **wanted)
                 for suffix in ("", " repacked")]
        return min((time for time in times if time), default=None)

    def values(self, key):
        return sorted({r[key] for r in self.results})

    def shapes(self):
        return list(dict.fromkeys((r["rows"], r["cols"]) for r in self.results))


def ratio(over, under, form="{:.2f}"):
    return form.format(over / under) if over and under else ""


def percent(over, under):
    return f"{100 * over / under:.0f} %" if over and under else ""


def plain_reading(results):
    rows = []
    for shape_rows, cols in results.shapes():
        row = [f"{shape_rows} x {cols}"]
        for threads in results.values("threads"):
            speeds = [1e-3 * r["bytes"] / r["microseconds"] for r in results.results
                      if (r["method"], r["rows"], r["cols"], r["threads"]) ==
                      ("read", shape_rows, cols, threads)]
            row.append(f"{min(speeds):.1f} to {max(speeds):.1f}")
        rows.append(row)
    return markdown_table(["shape", *(f"{threads} thread{'s' * (threads > 1)}"
                                      for threads in results.values("threads"))], rows)


def share_of_read(results, backend):
    rows = []
    for shape_rows, cols in results.shapes():
        for threads in results.values("threads"):
            where = {"rows": shape_rows, "cols": cols, "threads": threads, "batch": 1}
            row = [f"{shape_rows} x {cols}", str(threads)]
            for bits in BITS:
                for sparse in (False, True):
                    read = results.time(sparse, method="read", bits=bits, **where)
                    row.append(percent(read, results.time(sparse, method=backend, bits=bits,
                                                          precision="fast", **where)))
            rows.append(row)
    header = ["shape", "threads", *(f"{bits} bit{' + 0.45 %' if sparse else ''}"
                                    for bits in BITS for sparse in (False, True))]
    return markdown_table(header, rows)


def speed_over_ggml(results, backend, batch):
    rows = []
    for shape_rows, cols in results.shapes():
        for threads in results.values("threads"):
            where = {"rows": shape_rows, "cols": cols, "threads": threads, "batch": batch}
            ours = {bits: results.time(True, method=backend, bits=bits, precision="fast", **where)
                    for bits in BITS}
            rows.append([f"{shape_rows} x {cols}", str(threads),
                         ratio(results.ggml("q4_K", **where), ours[4]),
                         ratio(results.ggml("q4_0", **where), ours[4]),
                         ratio(results.ggml("iq4_nl", **where), ours[4]),
                         ratio(results.ggml("q3_K", **where), ours[3]),
                         ratio(results.ggml("iq3_s", **where), ours[3]),
                         ratio(results.ggml("q2_K", **where), ours[2]),
                         ratio(results.ggml("f16", **where), ours[4])])
    header = ["shape", "threads", "4 bit: Q4_K", "Q4_0", "IQ4_NL", "3 bit: Q3_K", "IQ3_S",
              "2 bit: Q2_K", "4 bit: F16"]
    return markdown_table(header, rows)


def batches(results, backend, threads):
    rows = []
    for shape_rows, cols in results.shapes():
        for batch in results.values("batch"):
            where = {"rows": shape_rows, "cols": cols, "threads": threads}
            ours = {b: results.time(True, method=backend, bits=4, precision="fast", batch=b,
                                    **where)
                    for b in (1, batch)}
            exact = results.time(True, method=backend, bits=4, precision="exact", batch=batch,
                                 **where)
            gemm = results.time(method="OpenBLAS F32", batch=batch, **where)
            ggml = [results.ggml(name, batch=batch, **where) for name in GGML_OF_BATCHES]
            flops = 2e-3 * shape_rows * cols * batch
            rows.append([f"{shape_rows} x {cols}", str(batch), ratio(ours[batch], ours[1]),
                         *(ratio(flops, time, "{:.0f}")
                           for time in (ours[batch], exact, gemm, *ggml)),
                         percent(gemm, ours[batch])])
    header = ["shape", "batch", "time of batch 1", "GFLOP/s fast", "exact", "OpenBLAS F32",
              *(f"ggml {name.upper()}" for name in GGML_OF_BATCHES), "fast over OpenBLAS"]
    return markdown_table(header, rows)


def plot_roofline(results, backend, path):
    from report import import_pyplot
    pyplot = import_pyplot()
    rows, cols = results.shapes()[0]
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for threads, marker in zip(results.values("threads"), "os^D"):
        where = {"rows": rows, "cols": cols, "threads": threads}
        of_bits = {bits: [r for r in results.results if r["method"] == backend
                          and r.get("precision") == "fast" and r["bits"] == bits and r["nnz"] > 0
                          and all(r[key] == value for key, value in where.items())]
                   for bits in BITS}
        for bits, points in of_bits.items():
            intensity = [2 * rows * cols * r["batch"] / r["bytes"] for r in points]
            speed = [2e-3 * rows * cols * r["batch"] / r["microseconds"] for r in points]
            axes.plot(intensity, speed, marker=marker, label=f"{bits} bit, {threads} threads")
        reads = [r for r in results.results if r["method"] == "read" and r["bits"] == 4
                 and all(r[key] == value for key, value in where.items())]
        bandwidth = max(r["bytes"] / r["microseconds"] * 1e-3 for r in reads)
        axes.plot([3, 300], [3 * bandwidth, 300 * bandwidth], linewidth=0.8, color="gray")
        axes.annotate(f"reading, {threads} threads", (12, 12 * bandwidth), fontsize=7)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(top=1000)
    axes.set_xlabel("arithmetic operations per byte of weights")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(f"{rows} x {cols}, 0.45 % sparse, {backend}, batches "
                   f"{', '.join(map(str, results.values('batch')))}", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    folder, check = folder_and_check()
    one, warm, many = (Results(json.loads((folder / name).read_text())["results"])
                       for name in ("gemv.json", "warm.json", "batches.json"))
    backends = [name for name in ("avx512", "avx2") if one.time(method=name)]
    most = max(many.values("threads"))
    parts = ["""# Matrix-vector and matrix-matrix products

All contestants take turns in one run; numbers are medians. Weights come from memory (there are
more copies of the matrix than the caches hold) unless a heading says otherwise. Of ggml's plain and
repacked form of a type, the faster one counts.

    python -c 'import sys; sys.path.insert(0, "bench"); from peers import LlamaCpp
    LlamaCpp("CACHE").build()'
    meson setup build -Dggml=CACHE/llama-cpp-python-0.3.36 && meson compile -C build densq-gemv
    build/bench/densq-gemv --batches 1 --seconds 8 > docs/results/gemv.json
    build/bench/densq-gemv --warm --batches 1 --shapes 4096x4096,11008x4096,1536x576,576x576 \\
        --precisions fast --seconds 5 > docs/results/warm.json
    build/bench/densq-gemv --shapes 4096x4096,576x576 --threads 2 --backends avx512 \\
        --precisions fast,exact --seconds 20 > docs/results/batches.json
    python bench/gemv_report.py docs/results
"""]
    parts += ["## Plain reading of the same bytes, GB/s\n", plain_reading(one) + "\n"]
    for backend in backends:
        parts += [f"## {backend}, batch 1: share of plain reading of the same bytes\n",
                  share_of_read(one, backend) + "\n",
                  f"## {backend}, batch 1, 0.45 % sparse: times as fast as ggml\n",
                  speed_over_ggml(one, backend, 1) + "\n",
                  f"## {backend}, batch 1, 0.45 % sparse, in the cache: times as fast as ggml\n",
                  speed_over_ggml(warm, backend, 1) + "\n"]
    parts += [f"## {backends[0]}, batches, 4 bit + 0.45 %, {most} threads\n",
              batches(many, backends[0], most) + "\n", "![roofline](gemv.svg)\n"]
    write_or_check(folder / "gemv.md", "\n".join(parts), check)
    if not check:
        plot_roofline(many, backends[0], folder / "gemv.svg")


if __name__ == "__main__":
    main()
