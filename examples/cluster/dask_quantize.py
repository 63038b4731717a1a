# SPDX-License-Identifier: MIT
"""Quantizes a model on the workers of a Dask cluster.

    densq quantize --model llama --gradients llama-gradients --plan llama.plan
    python3 dask_quantize.py --scheduler tcp://HOST:8786 llama.plan parts llama.densq

Workers must see the same files: `parts` is a folder on a shared file system.  Each task quantizes
one layer; Dask gives the tasks of a worker that is lost to others, which go on with what it left.
Without --scheduler, two workers on this machine do the work.
"""
import argparse
import json
import subprocess
from pathlib import Path

from distributed import Client, LocalCluster, as_completed


def quantize_layer(densq, plan, layer, folder, threads):
    """Runs on a worker.  Returns the path of the part."""
    part = Path(folder, f"{layer:05}.densq")
    result = subprocess.run(
        [densq, "quantize", "--plan", plan, "--layers", f"{layer}:{layer + 1}", "--resume",
         "--threads", str(threads), "--quiet", "-o", str(part)],
        capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"layer {layer}: {result.stderr.strip()}")
    return str(part)


def run(client, arguments):
    layers = json.loads(arguments.plan.read_text())["layers"]
    arguments.parts.mkdir(exist_ok=True)
    tasks = client.map(
        lambda layer: quantize_layer(arguments.densq, str(arguments.plan), layer,
                                     str(arguments.parts), arguments.threads), range(layers))
    for done, _ in enumerate(as_completed(tasks), 1):
        print(f"{done} of {layers} layers", flush=True)
    subprocess.run([arguments.densq, "merge", "--quiet", "-o", str(arguments.output),
                    *client.gather(tasks)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path, help="from densq quantize --plan")
    parser.add_argument("parts", type=Path, help="folder for the parts")
    parser.add_argument("output", type=Path, help="the densq file to write")
    parser.add_argument("--scheduler", help="address of the cluster's scheduler")
    parser.add_argument("--threads", type=int, default=1, help="of a task (default: 1)")
    parser.add_argument("--densq", default="densq", help="the tool on the workers")
    arguments = parser.parse_args()
    if arguments.scheduler:
        with Client(arguments.scheduler) as client:
            run(client, arguments)
    else:
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
                Client(cluster) as client:
            run(client, arguments)


if __name__ == "__main__":
    main()
