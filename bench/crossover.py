#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From which batch on OpenBLAS is faster than a CPU backend: a table of what densq-gemv measured.

    python bench/crossover.py JSON...    each with one CPU backend and openblas-all

A number is the time of the CPU backend divided by that of openblas-all: above 1, OpenBLAS is
faster.
"""
import json
import pathlib
import sys

from report_text import markdown_table

OPENBLAS = "openblas-all"


def table_rows(results, batches):
    times = {(r["method"], r["precision"], r["rows"], r["cols"], r["threads"], r["bits"], r["nnz"],
              r["batch"]): r["microseconds"] for r in results if "precision" in r}
    places = dict.fromkeys(key[:-1] for key in times if key[0] != OPENBLAS)
    for method, precision, rows, cols, threads, bits, nnz in sorted(places):
        if nnz == 0:
            continue
        where = precision, rows, cols, threads, bits, nnz
        yield [method, precision, f"{rows} x {cols}", str(threads),
               *(f"{times[method, *where, batch] / times[OPENBLAS, *where, batch]:.2f}"
                 for batch in batches)]


def main():
    measured = [json.loads(pathlib.Path(name).read_text())["results"] for name in sys.argv[1:]]
    batches = sorted({r["batch"] for results in measured for r in results if "precision" in r})
    rows = [row for results in measured for row in table_rows(results, batches)]
    print(markdown_table(["backend", "precision", "shape", "threads", *map(str, batches)], rows))


if __name__ == "__main__":
    main()
