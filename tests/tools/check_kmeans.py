# SPDX-License-Identifier: MIT
"""On rows of a real model, the exact k-means is never above scikit-learn's.

    check_kmeans.py KMEANS_ROWS MODEL_FOLDER
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from models import load, to_floats

KMEANS_ROWS, MODEL = sys.argv[1], Path(sys.argv[2])
ROWS_OF_EACH = 3  # of each linear layer


def exact_objectives(values, weights, clusters):
    with tempfile.NamedTemporaryFile() as file:
        np.stack([values, weights], 1).astype("<f4").tofile(file)
        file.flush()
        result = subprocess.run([KMEANS_ROWS, file.name, str(values.shape[1]), str(clusters), "1"],
                                check=True, capture_output=True, text=True)
    return [float(line.split()[1]) for line in result.stdout.splitlines()]


def lloyd_objective(values, weights, clusters):
    values, weights = values.astype(np.float64), weights.astype(np.float64)
    fitted = KMeans(n_clusters=clusters, n_init=1, max_iter=50, random_state=0).fit(
        values[:, None], sample_weight=weights)
    nearest = np.abs(values[:, None] - fitted.cluster_centers_.ravel()).min(1)
    return float((weights * nearest ** 2).sum())


def main():
    model, gradients = load(MODEL / "model.safetensors"), load(MODEL / "gradients.safetensors")
    layers = [name for name in sorted(model) if ".layers." in name and model[name].ndim == 2]
    for clusters in (4, 8, 16):
        ours, theirs = [], []
        for name in layers:
            rows = np.linspace(0, len(model[name]) - 1, ROWS_OF_EACH).astype(int)
            values, weights = to_floats(model[name][rows]), to_floats(gradients[name][rows])
            ours += exact_objectives(values, weights, clusters)
            theirs += [lloyd_objective(*row, clusters) for row in zip(values, weights)]
        assert len(ours) == len(theirs) == ROWS_OF_EACH * len(layers) > 0
        assert min(ours) > 0
        # Objectives are sums of rounded products.
        above = [i for i, (a, b) in enumerate(zip(ours, theirs)) if a > b * (1 + 1e-9)]
        assert not above, (clusters, above)
        below = sum(a < 0.999 * b for a, b in zip(ours, theirs))
        assert below > 0
        print(f"{clusters} clusters, {len(ours)} rows: {below} more than 0.1 % below scikit-learn, "
              f"{100 * (1 - sum(ours) / sum(theirs)):.2f} % in all")


main()
