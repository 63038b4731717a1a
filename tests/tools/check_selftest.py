# SPDX-License-Identifier: MIT
"""densq selftest, driven as a process, on the CPU's backends.

    check_selftest.py DENSQ
"""
import json
import subprocess
import sys

DENSQ = sys.argv[1]


def selftest(*arguments):
    return subprocess.run([DENSQ, "selftest", *arguments], capture_output=True, text=True,
                          check=False)


def test_every_backend_passes():
    version = subprocess.run([DENSQ, "--version"], capture_output=True, text=True,
                             check=False).stdout
    backends = set(version.split("backends:")[1].split())
    result = selftest("--quick", "--json")
    assert result.returncode == 0, result
    report = json.loads(result.stdout)
    cases = report["cases"]
    assert report["failed"] == 0 and report["products"] == len(cases)
    assert set(report["devices"]) == backends == {case["backend"] for case in cases}
    print("backends that ran:", *backends)
    assert {case["bits"] for case in cases} == {2, 3, 4}
    assert {case["x"] for case in cases} == {"F32"}
    assert len({case["nonzeros"] for case in cases}) == 5
    assert all(case["error_of_allowed"] <= 1 for case in cases)


def test_report_to_paste():
    result = selftest("--quick", "--backend", "scalar", "--bits", "2")
    assert result.returncode == 0, result
    assert result.stdout.startswith("densq "), result.stdout
    assert "scalar   exact" in result.stdout and "0 wrong: ok" in result.stdout, result.stdout


def test_wrong_use_is_exit_2():
    for arguments in (["--backend", "abacus"], ["--backend", "cudax"], ["--bits", "5"]):
        result = selftest(*arguments)
        assert result.returncode == 2 and result.stderr, (arguments, result)


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name}: ok")


main()
