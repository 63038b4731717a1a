# SPDX-License-Identifier: MIT
"""codespell finds no misspelt word; .codespellrc says where it does not look.

    check_spelling.py REPOSITORY

Skipped unless codespell is there in exactly the version below, as each has its own list of words.
To get it: pip install codespell==2.4.1
"""
import subprocess
import sys
from pathlib import Path

from source_files import source_files
from tool import SKIPPED, find_tool

VERSION = "2.4.1"


def main():
    root = Path(sys.argv[1]).resolve()
    codespell = find_tool(root, "codespell", VERSION)
    if not codespell:
        return SKIPPED
    files = [path.relative_to(root) for path in source_files(root)]
    result = subprocess.run([codespell, *files], cwd=root)
    print(f"{len(files)} files looked at")
    return result.returncode != 0 or not files


if __name__ == "__main__":
    sys.exit(main())
