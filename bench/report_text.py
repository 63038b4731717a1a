# SPDX-License-Identifier: MIT
"""What report.py and gemv_report.py share: Markdown, and writing or checking a text."""
import argparse
import pathlib
import sys


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
