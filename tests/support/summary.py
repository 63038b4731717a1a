# SPDX-License-Identifier: MIT
"""What the tests of some builds found.

    summary.py BUILD_DIR...

Prints what failed, what was skipped, and which backends ran where; last the sums.
"""
import json
import sys
from pathlib import Path

GOOD = ("OK", "EXPECTEDFAIL")


def results_of(build):
    lines = Path(build, "meson-logs", "testlog.json").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def backends_of(test):
    """The lines of tests/support/backends_main.cpp and of scripts."""
    return [line for line in test.get("stdout", "").splitlines() if line.startswith("backends ")]


def main():
    results = [(build, test) for build in sys.argv[1:] for test in results_of(build)]
    failed = [f"{build}: {test['name']} ({test['result']})" for build, test in results
              if test["result"] not in (*GOOD, "SKIP")]
    skipped = [f"{build}: {test['name']}" for build, test in results if test["result"] == "SKIP"]
    for build, test in results:
        for line in backends_of(test):
            print(f"{build}: {test['name']}: {line}")
    for line in skipped:
        print(f"skipped in {line}")
    for line in failed:
        print(f"FAILED in {line}")
    print(f"{len(results) - len(failed) - len(skipped)} passed, {len(failed)} failed, "
          f"{len(skipped)} skipped")
    return bool(failed) or len(results) == len(skipped)


if __name__ == "__main__":
    sys.exit(main())
