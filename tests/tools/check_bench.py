# SPDX-License-Identifier: MIT
"""densq bench, driven as a process: what it reports, not how fast anything is.

    check_bench.py DENSQ
"""
import json
import subprocess
import sys

DENSQ = sys.argv[1]
BRIEFLY = ["--seconds", "0.001", "--attempts", "1", "--cold-bytes", "1"]


def bench(*arguments):
    return subprocess.run([DENSQ, "bench", *arguments], capture_output=True, text=True)


def bench_json(*arguments):
    result = bench(*arguments, *BRIEFLY, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["matrices"]


def test_every_combination_is_reported():
    # The library proves each made-up file when it opens it.
    matrices = bench_json("--synthetic", "17x1100,1x1", "--nnz", "0.45%", "--batch", "1,3",
                          "--threads", "1,2")
    assert [(m["rows"], m["cols"], m["bits"]) for m in matrices] == [
        (rows, cols, bits) for rows, cols in [(17, 1100), (1, 1)] for bits in (4, 3, 2)]
    version = subprocess.run([DENSQ, "--version"], capture_output=True, text=True).stdout
    backends = version.split("backends:")[1].split()
    wanted = {(backend, precision, threads, batch) for backend in backends
              for precision in ("fast", "exact", "int8") for threads in (1, 2) for batch in (1, 3)}
    for matrix in matrices:
        assert matrix["nnz"] == round(0.0045 * matrix["rows"] * matrix["cols"]), matrix
        reads = [r for r in matrix["results"] if r["backend"] == "read"]
        products = [r for r in matrix["results"] if r["backend"] != "read"]
        assert [r["threads"] for r in reads] == [1, 2]
        assert len(products) == len(wanted)
        assert {(r["backend"], r["precision"], r["threads"], r["batch"])
                for r in products} == wanted
    print("backends that ran:", *backends)


def test_columns_of_32_bits():
    # All take as long as the slowest, so that there are few.
    [matrix] = bench_json("--synthetic", "1x65540", "--bits", "4", "--nnz", "0.45%", "--threads",
                          "1", "--backend", "scalar", "--precision", "fast")
    assert matrix["cols"] == 65540 and matrix["nnz"] == 295, matrix


def test_nonzeros_in_few_rows_and_columns():
    # There are more nonzeros than a row or a column can have.
    matrices = bench_json("--synthetic", "40x600", "--bits", "3", "--nnz", "4", "--nonzeros",
                          "even,full-rows,full-columns", "--threads", "1")
    assert [m["name"] for m in matrices] == [
        "synthetic 40x600", "synthetic 40x600, nonzeros in full-rows",
        "synthetic 40x600, nonzeros in full-columns"]
    assert all(m["nnz"] == 960 for m in matrices)


def test_figures_agree():
    [matrix] = bench_json("--synthetic", "64x512", "--bits", "3", "--backend", "scalar",
                          "--precision", "fast", "--threads", "1")
    read, product = matrix["results"]
    times = [product["microseconds"][q] for q in ("min", "p10", "p25", "median", "p75", "p90")]
    assert times == sorted(times) and times[0] > 0
    speed = matrix["bytes"] / product["microseconds"]["median"] * 1e-3
    assert abs(product["gb_per_s"] - speed) < 1e-6 * speed
    assert abs(product["share_of_read"] - speed / read["gb_per_s"]) < 1e-6
    assert product["read_gb_per_s"] == read["gb_per_s"]
    codes, lut = 64 * 512 * 3 // 8, 64 * 8 * 2
    assert matrix["bytes"] >= codes + lut


def test_table():
    result = bench("--synthetic", "16x32", "--bits", "2", "--threads", "1", *BRIEFLY)
    assert result.returncode == 0 and "16 x 32, 2 bits" in result.stdout, result.stdout
    assert "scalar" in result.stdout and "read GB/s" in result.stdout


def test_wrong_use_is_exit_2():
    for arguments in ([], ["--synthetic", "3"], ["--synthetic", "0x3"], ["--synthetic", "3x4x"],
                      ["--synthetic", "3x4", "--nnz", "101%"],
                      ["--synthetic", "3x4", "--bits", "5"],
                      ["--synthetic", "3x4", "--backend", "abacus"],
                      ["--synthetic", "3x4", "--nonzeros", "odd"],
                      [sys.argv[0], "--synthetic", "3x4"]):
        result = bench(*arguments)
        assert result.returncode == 2 and result.stderr, (arguments, result)


def test_wrong_file_is_exit_1():
    result = bench(sys.argv[0])
    assert result.returncode == 1 and "magic" in result.stderr, result


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name}: ok")


main()
