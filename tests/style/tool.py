# SPDX-License-Identifier: MIT
"""Finds the programs that check style: in .venv, where ./test puts them, or in PATH."""
import re
import shutil
import subprocess

SKIPPED = 77  # what Meson takes for "skipped"


def find_tool(root, name, version):
    """The program's path if it has that version; else None, with a line that says why."""
    path = shutil.which(name, path=root / ".venv/bin") or shutil.which(name)
    if not path:
        print(f"{name} is not installed: pip install {name}=={version}")
        return None
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", output)
    if not found or found.group() != version:
        print(f"{path} says {output.strip()!r}, needed is {version}: pip install {name}=={version}")
        return None
    return path
