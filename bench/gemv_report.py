#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tables and roofline plots of what densq-gemv measured.

    python bench/gemv_report.py docs/results            writes products.md and products.svg
    python bench/gemv_report.py docs/results --check    compares products.md with what it would be

in the folder of each CPU (report_text.CPUS). Reads gemv.json (one vector), warm.json (the same, in
the cache) and batches.json there. The plots need matplotlib.
"""
from functools import partial
import json

from report_text import CPUS, folder_and_check, markdown_table, write_or_check

BITS = (4, 3, 2)
PRECISIONS = ("fast", "int8")
PEERS = {4: ("q4_K", "q4_0", "iq4_nl"), 3: ("q3_K", "iq3_s"), 2: ("q2_K",)}


class Results:
    def __init__(self, results):
        self.results = results

    def time(self, sparse=None, **wanted):
        found = [r for r in self.where(**wanted) if sparse is None or (r["nnz"] > 0) == sparse]
        return found[0]["microseconds"] if found else None

    def where(self, **wanted):
        return [r for r in self.results
                if all(r.get(key) == value for key, value in wanted.items())]

    def ggml(self, type_name, **wanted):
        """The time of the fastest of the forms in which ggml stores a type."""
        return min((r["microseconds"] for r in self.where(**wanted)
                    if r["method"].split()[:2] == ["ggml", type_name]), default=None)

    def precisions(self):
        return [p for p in PRECISIONS if any(r.get("precision") == p for r in self.results)]

    def values(self, key):
        return sorted({r[key] for r in self.results})

    def places(self):
        """What a row of a table is about: shape and threads."""
        shapes = dict.fromkeys((r["rows"], r["cols"]) for r in self.results)
        return [{"rows": rows, "cols": cols, "threads": threads}
                for rows, cols in shapes for threads in self.values("threads")]


def name_of(place):
    return [f"{place['rows']} x {place['cols']}", str(place["threads"])]


def ratio(over, under, form="{:.2f}"):
    return form.format(over / under) if over and under else ""


def percent(over, under):
    return f"{100 * over / under:.0f} %" if over and under else ""


def plain_reading(results):
    rows = []
    for place in results.places():
        speeds = [1e-3 * r["bytes"] / r["microseconds"]
                  for r in results.where(method="read", **place)]
        rows.append([*name_of(place), f"{min(speeds):.1f} to {max(speeds):.1f}"])
    return markdown_table(["shape", "threads", "GB/s"], rows)


def share_of_read(results, backend):
    columns = [(precision, bits, sparse) for precision in results.precisions() for bits in BITS
               for sparse in (False, True)]
    rows = [[*name_of(place),
             *(percent(results.time(sparse, method="read", bits=bits, **place),
                       results.time(sparse, method=backend, bits=bits, precision=precision,
                                    batch=1, **place))
               for precision, bits, sparse in columns)]
            for place in results.places()]
    return markdown_table(["shape", "threads",
                           *(f"{precision} {bits}{' +' if sparse else ''}"
                             for precision, bits, sparse in columns)], rows)


def speed_over_ggml(results, backend):
    columns = [(precision, bits, peer) for precision in results.precisions() for bits in BITS
               for peer in PEERS[bits]]
    rows = [[*name_of(place),
             *(ratio(results.ggml(peer, batch=1, **place),
                     results.time(True, method=backend, bits=bits, precision=precision, batch=1,
                                  **place))
               for precision, bits, peer in columns)]
            for place in results.places()]
    return markdown_table(["shape", "threads", *(f"{precision} {bits}: {peer.upper()}"
                                                 for precision, bits, peer in columns)], rows)


def batches(results, backend, bits):
    columns = {precision: partial(results.time, True, method=backend, bits=bits,
                                  precision=precision) for precision in ("exact", "fast", "int8")}
    columns["OpenBLAS F32"] = partial(results.time, method="OpenBLAS F32")
    columns.update((peer.upper(), partial(results.ggml, peer)) for peer in (*PEERS[bits], "f16"))
    rows = []
    for place in results.places():
        for batch in results.values("batch"):
            flops = 2e-3 * place["rows"] * place["cols"] * batch
            times = [column(batch=batch, **place) for column in columns.values()]
            rows.append([*name_of(place), str(batch),
                         *(ratio(flops, time, "{:.0f}") for time in times)])
    return markdown_table(["shape", "threads", "batch", *columns], rows)


def plot_roofline(results, backend, path):
    from report import import_pyplot
    pyplot = import_pyplot()
    precision = results.precisions()[-1]
    figure, axes = pyplot.subplots(figsize=(8, 5))
    largest = results.places()[0]
    places = [place for place in results.places()
              if (place["rows"], place["cols"]) == (largest["rows"], largest["cols"])]
    for place, marker in zip(places, "os^D"):
        for bits in BITS:
            points = [r for r in results.where(method=backend, bits=bits, precision=precision,
                                               **place) if r["nnz"] > 0]
            flops = [2e-3 * r["rows"] * r["cols"] * r["batch"] for r in points]
            axes.plot([1e3 * f / r["bytes"] for f, r in zip(flops, points)],
                      [f / r["microseconds"] for f, r in zip(flops, points)], marker=marker,
                      label=f"{bits} bit, {place['threads']} threads")
        bandwidth = max(1e-3 * r["bytes"] / r["microseconds"]
                        for r in results.where(method="read", bits=4, **place))
        axes.plot([3, 300], [3 * bandwidth, 300 * bandwidth], linewidth=0.8, color="gray")
        axes.annotate(f"reading, {place['threads']} threads", (12, 12 * bandwidth), fontsize=7)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(top=1000)
    axes.set_xlabel("arithmetic operations per byte of weights")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(f"{largest['rows']} x {largest['cols']}, 0.45 % sparse, {backend}, {precision}, "
                   f"batches {', '.join(map(str, results.values('batch')))}", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def report(folder, check):
    one, warm, many = (Results(json.loads((folder / name).read_text())["results"])
                       for name in ("gemv.json", "warm.json", "batches.json"))
    backends = [name for name in ("avx512", "avx2") if one.time(method=name)]
    parts = [f"""# Products on one CPU

{CPUS[folder.name]}. The commands stand in [the overview](../README.md#products). Numbers are
medians. Weights come from memory unless a heading says otherwise. "+" stands for 0.45 % of sparse
weights. ggml has activations of 8 bits, and one scale for 32 weights; of the forms in which it can
store a type, the fastest counts.

## Plain reading of the same bytes

{plain_reading(one)}
"""]
    for backend in backends:
        parts += [f"## {backend}, one vector: share of plain reading of the same bytes\n",
                  share_of_read(one, backend) + "\n",
                  f"## {backend}, one vector, 0.45 % sparse: times as fast as ggml\n",
                  speed_over_ggml(one, backend) + "\n",
                  f"## {backend}, one vector, 0.45 % sparse, in the cache: times as fast as ggml\n",
                  speed_over_ggml(warm, backend) + "\n"]
    for bits in BITS:
        parts += [f"## {backends[0]}, batches, {bits} bit + 0.45 %: GFLOP/s\n",
                  batches(many, backends[0], bits) + "\n"]
    parts += ["![roofline](products.svg)\n"]
    write_or_check(folder / "products.md", "\n".join(parts), check)
    if not check:
        plot_roofline(many, backends[0], folder / "products.svg")


def main():
    folder, check = folder_and_check()
    for cpu in CPUS:
        report(folder / cpu, check)


if __name__ == "__main__":
    main()
