# SPDX-License-Identifier: MIT
"""The tool of a build with CUDA, on an emulated machine of two GPUs: selftest and bench.

    check_tool.py DENSQ
"""
import json
import subprocess
import sys

DENSQ = sys.argv[1]


def run(*arguments):
    return subprocess.run([DENSQ, *arguments], capture_output=True, text=True, check=False)


def run_json(*arguments):
    result = run(*arguments, "--json")
    assert result.returncode == 0, result
    return json.loads(result.stdout)


def test_selftest():
    report = run_json("selftest", "--quick", "--bits", "3", "--backend", "cuda:1,avx2,scalar")
    assert "Emulated GPU 1, compute capability 8.0" in report["devices"]["cuda:1"]
    assert report["failed"] == 0 and report["products"] == len(report["cases"])
    on_gpu = [case for case in report["cases"] if case["backend"] == "cuda:1"]
    assert all(case["passed"] and case["error_of_allowed"] <= 1 for case in on_gpu)
    types = {(case["x"], case["y"]) for case in on_gpu}
    assert len(types) == 9, types
    assert {case["batch"] for case in on_gpu} == {1, 2, 3, 8, 9, 16, 17}
    assert {case["precision"] for case in on_gpu} == {"fast", "exact"}


def test_bench():
    briefly = ["--seconds", "0.001", "--attempts", "1", "--cold-bytes", "1", "--batch", "1,3"]
    report = run_json("bench", "--synthetic", "17x70", "--bits", "2,3", "--backend", "cuda",
                      *briefly)
    assert "Emulated GPU 0" in report["device"]
    assert len(report["matrices"]) == 2
    for matrix in report["matrices"]:
        read, *products = matrix["results"]
        assert read["backend"] == "read" and read["gb_per_s"] > 0
        assert {(p["precision"], p["batch"]) for p in products} == {
            (precision, batch) for precision in ("fast", "exact") for batch in (1, 3)}
        assert all(p["backend"] == "cuda" and p["threads"] == 1 and p["share_of_read"] > 0
                   for p in products)
    table = run("bench", "--synthetic", "16x32", "--bits", "2", "--backend", "cuda:1", *briefly)
    assert table.returncode == 0 and "Emulated GPU 1" in table.stdout, table
    assert "read: a copy on the device" in table.stdout


def test_errors():
    for command in (["selftest"], ["bench", "--synthetic", "1x1"]):
        result = run(*command, "--backend", "cuda:2")
        assert result.returncode == 1 and "there is no cuda:2" in result.stderr, result
    result = run("bench", "--synthetic", "1x1", "--backend", "cuda:0,scalar")
    assert result.returncode == 2 and "a GPU is measured by itself" in result.stderr, result


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name}: ok", flush=True)


main()
