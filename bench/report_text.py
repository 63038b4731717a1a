# SPDX-License-Identifier: MIT
"""What the reports share: the CPUs that were measured, Markdown, and writing or checking a text."""
import argparse
import pathlib
import sys

# Folders of docs/results: what was measured there.
CPUS = {
    "zen3": "EPYC (Zen 3, 2 CPUs), which has no AVX-512",
    "xeon-avx2": "Xeon (Emerald Rapids, 2 CPUs of a shared host), both sides built for AVX2 alone",
    "xeon-avx512": "Xeon (Emerald Rapids, 2 CPUs of a shared host), with AVX-512",
    "zen4": "EPYC (Zen 4, 2 CPUs), AVX-512, before `int8`; plain reading is one prefetched stream",
}


def markdown_table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def folder_and_check():
    """The folder of the command line, and whether texts are to be compared instead of written."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    return arguments.folder, arguments.check


def write_or_check(path, text, check):
    if not check:
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path} is not what {sys.argv[0]} makes of the measurements beside it")
