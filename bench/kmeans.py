#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""densq's exact k-means beside scikit-learn's: time and objective per row, on one core.

    meson compile -C build densq-kmeans-rows && python bench/kmeans.py build

Rows are made up: bell-shaped weights of 16 bits; squared gradients in BF16 whose scale differs from
column to column, as it does behind a norm. The two take turns on groups of rows in the same run.
scikit-learn runs as SqueezeLLM calls it: KMeans(n_init=1, max_iter=50) with the gradients as sample
weights. Needs numpy, scikit-learn and threadpoolctl.
"""
import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits


def make_rows(count, cols, random):
    """[count][2][cols] of F32: weights, squared gradients."""
    columns = numpy.exp(random.normal(size=cols))
    weights = (0.02 * random.standard_normal((count, cols))).astype(numpy.float16)
    gradients = (columns * random.standard_normal((count, cols))) ** 2 * 1e-6
    bits = gradients.astype(numpy.float32).view(numpy.uint32)
    brain = (bits & 0xFFFF0000).view(numpy.float32)
    return numpy.stack([weights.astype(numpy.float32), brain], axis=1)


def objective(centroids, values, weights):
    nearest = numpy.abs(values[:, None].astype(float) - centroids[None, :]).min(axis=1)
    return float((weights * nearest ** 2).sum())


def run_sklearn(rows, clusters):
    """(seconds, objective) of every row."""
    results = []
    for values, weights in rows:
        start = time.perf_counter()
        fitted = KMeans(clusters, n_init=1, max_iter=50, random_state=0).fit(
            values.reshape(-1, 1), sample_weight=weights)
        seconds = time.perf_counter() - start
        centroids = fitted.cluster_centers_[:, 0].astype(float)
        results.append((seconds, objective(centroids, values, weights)))
    return results


def run_densq(program, rows, clusters):
    with tempfile.NamedTemporaryFile() as file:
        rows.tofile(file.name)
        output = subprocess.run([program, file.name, str(rows.shape[2]), str(clusters), "1"],
                                check=True, capture_output=True, text=True).stdout
    return [tuple(map(float, line.split())) for line in output.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the build folder")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--cols", type=int, default=4096)
    parser.add_argument("--clusters", type=int, nargs="+", default=[16, 8, 4])
    arguments = parser.parse_args()
    program = arguments.build.resolve() / "bench" / "densq-kmeans-rows"
    rows = make_rows(arguments.rows, arguments.cols, numpy.random.default_rng(1))

    print(f"{arguments.rows} rows of {arguments.cols}; medians, one core")
    print(f"{'clusters':>8} {'scikit-learn ms':>16} {'densq ms':>9} {'times faster':>13} "
          f"{'objective: mean':>16} {'largest':>9}")
    with threadpool_limits(limits=1):
        run_sklearn(rows[:1], 4)  # loads what it loads late
        for clusters in arguments.clusters:
            theirs, ours = [], []
            for group in numpy.array_split(rows, 8):
                ours += run_densq(program, group, clusters)
                theirs += run_sklearn(group, clusters)
            their_time, our_time = (numpy.median([run[0] for run in runs])
                                    for runs in (theirs, ours))
            ratio = [our[1] / their[1] for our, their in zip(ours, theirs)]
            print(f"{clusters:8} {1e3 * their_time:16.3f} {1e3 * our_time:9.3f} "
                  f"{their_time / our_time:13.1f} {numpy.mean(ratio):16.4f} "
                  f"{numpy.max(ratio):9.6f}", flush=True)


if __name__ == "__main__":
    main()
