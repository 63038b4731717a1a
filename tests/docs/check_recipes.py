# SPDX-License-Identifier: MIT
"""The recipes of CONTRIBUTING.md name every file to touch: those that their own grep finds.

    check_recipes.py REPOSITORY

A recipe is a section "### To add ...".  It has one block of shell code, with grep commands that
print names of files, and a list whose items begin with the names of files in backticks, up to a
colon.  Those of them that the repository has are the files that grep finds.
"""
import re
import subprocess
import sys
from pathlib import Path

SECTION = re.compile(r"^### (To add [^\n]*)\n(.*?)(?=^##|\Z)", re.M | re.S)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
ITEM = re.compile(r"^\d+\. (.*?)(?=^\d+\. |\Z)", re.M | re.S)
NAME = re.compile(r"`([^`\s]+)`")


def files_found(root, commands):
    result = subprocess.run(["sh", "-euc", commands], cwd=root, capture_output=True, text=True)
    if result.returncode or result.stderr:
        sys.exit(f"{commands}fails: {result.stderr}")
    return set(result.stdout.split())


def files_named(root, text):
    """The files that the items of the list name before their first colon."""
    heads = (item.split(":")[0] for item in ITEM.findall(text))
    names = {name for head in heads for name in NAME.findall(head)}
    return {path.relative_to(root).as_posix() for name in names
            for path in root.glob(name) if path.is_file()}


def main():
    root = Path(sys.argv[1]).resolve()
    sections = SECTION.findall((root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    wrong = 0
    for title, text in sections:
        found = files_found(root, "".join(BLOCK.findall(text)))
        named = files_named(root, text)
        for path in sorted(found ^ named):
            wrong += 1
            print(f"{title}: {path} is " +
                  ("found by grep, but not named" if path in found else
                   "named, but not found by grep"))
        print(f"{title}: {len(found & named)} files")
    return bool(wrong) or not sections


if __name__ == "__main__":
    sys.exit(main())
