# SPDX-License-Identifier: MIT
"""The examples for many machines: their files are byte for byte those of one run.

    check_cluster.py DENSQ MODEL_FOLDER
"""
import os
import subprocess
import sys
from pathlib import Path

from support import DENSQ, STORIES, main, quantize, run

CLUSTER = Path(__file__).resolve().parent.parent.parent / "examples" / "cluster"


def make_plan(folder):
    """Returns its path and what a single run makes."""
    options = ["--bits", "3", "--exclude", "*.k_proj.*"]
    quantize(STORIES, folder / "whole.densq", *options, gradients=STORIES)
    planned = run("quantize", "--model", STORIES, "--gradients", STORIES, "--plan",
                  folder / "plan.json", *options)
    assert planned.returncode == 0 and "a plan of 4 layers" in planned.stdout, planned
    return folder / "plan.json", (folder / "whole.densq").read_bytes()


def test_slurm_array(folder):
    plan, whole = make_plan(folder)
    for count in (1, 3, 6):
        parts = folder / f"parts{count}"
        parts.mkdir()
        for task in range(count):
            subprocess.run([CLUSTER / "slurm_array.sh", plan, parts], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={**os.environ, "SLURM_ARRAY_TASK_ID": str(task), "DENSQ": str(DENSQ),
                                "SLURM_ARRAY_TASK_COUNT": str(count)})
        assert len(list(parts.iterdir())) == min(count, 4)
        merged = run("merge", "-o", folder / "merged.densq", *sorted(parts.iterdir()))
        assert merged.returncode == 0 and (folder / "merged.densq").read_bytes() == whole, merged


def test_dask(folder):
    try:
        import distributed  # noqa: F401
    except ImportError:
        return "skipped, there is no distributed"
    plan, whole = make_plan(folder)
    script = [sys.executable, "-B", CLUSTER / "dask_quantize.py", "--densq", DENSQ, plan,
              folder / "parts", folder / "merged.densq"]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0 and "4 of 4 layers" in done.stdout, done
    assert (folder / "merged.densq").read_bytes() == whole
    plan.write_text(plan.read_text().replace('"bits": 3', '"bits": 2'))
    failed = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert failed.returncode != 0 and "are not those of the plan" in failed.stderr, failed


main(globals())
