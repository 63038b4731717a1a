# SPDX-License-Identifier: MIT
"""What holds for every line: its length, its end, the licence at the top of a file.

    check_lines.py REPOSITORY

Lines have at most 100 characters; in Markdown, tables and lines with a link may be longer.
"""
import re
import sys
from pathlib import Path

from source_files import CODE, SCRIPTS, source_files

LIMIT = 100
LICENCE = "SPDX-License-Identifier: MIT"
LICENCE_LINES = 2  # the first, or the second behind a #!
MAY_BE_LONGER = re.compile(r"^\|| *<?https?://|\]\(")


def is_script(path):
    return path.suffix in SCRIPTS or (not path.suffix and path.read_bytes().startswith(b"#!"))


def faults_of(path):
    """Pairs of a line's number and what is wrong with it."""
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    lines = text.split("\n")
    if lines.pop():
        yield len(lines) + 1, "the last line has no end"
    if path.suffix != ".md" and not any(LICENCE in line for line in lines[:LICENCE_LINES]):
        yield 1, f"no '{LICENCE}'"
    for number, line in enumerate(lines, 1):
        if len(line) > LIMIT and not (path.suffix == ".md" and MAY_BE_LONGER.search(line)):
            yield number, f"{len(line)} characters, more than {LIMIT}"
        if line != line.rstrip():
            yield number, "white space at its end"
        if "\t" in line:
            yield number, "a tab"


def main():
    root = Path(sys.argv[1]).resolve()
    files = [path for path in source_files(root)
             if path.suffix in CODE | {".md"} or is_script(path)]
    faults = [f"{path.relative_to(root)}:{number}: {what}"
              for path in files for number, what in faults_of(path)]
    print("\n".join(faults) or f"the lines of {len(files)} files are as they should be")
    return bool(faults) or not files


if __name__ == "__main__":
    sys.exit(main())
