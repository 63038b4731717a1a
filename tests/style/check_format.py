# SPDX-License-Identifier: MIT
"""clang-format changes nothing in the C, C++ and CUDA code.

    check_format.py REPOSITORY

Skipped unless clang-format is there in exactly the version below, as versions differ in what they
make of the same .clang-format.  To get it: pip install clang-format==19.1.7
"""
import os
import re
import subprocess
import sys
from pathlib import Path

from source_files import code_files
from tool import SKIPPED, find_tool

VERSION = "19.1.7"


def main():
    root = Path(sys.argv[1]).resolve()
    clang_format = find_tool(root, "clang-format", VERSION)
    if not clang_format:
        return SKIPPED
    files = code_files(root)
    result = subprocess.run([clang_format, "--dry-run", "--Werror", *files], cwd=root,
                            capture_output=True, text=True)
    badly = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", result.stderr, re.M)))
    for path in badly:
        print(f"{os.path.relpath(path, root)}: clang-format -i would change it")
    print(f"{len(files) - len(badly)} of {len(files)} files are formatted")
    return result.returncode != 0 or not files


if __name__ == "__main__":
    sys.exit(main())
