# SPDX-License-Identifier: MIT
"""The files of this repository, for the checks of this folder."""
import os
from pathlib import Path

CODE = {".h", ".hpp", ".c", ".cpp", ".cu"}
SCRIPTS = {".py", ".sh", ".build", ".toml", ".yml", ".yaml"}
NOT_OURS = {".git", "__pycache__"}
SIGNS_OF_OUTPUT = {"meson-private", "pyvenv.cfg", "PKG-INFO"}  # builds, environments, packages


def source_files(root):
    """Every file below root that is not made by a build, sorted."""
    for folder, folders, names in os.walk(root):
        if SIGNS_OF_OUTPUT & {*folders, *names}:
            folders.clear()
            continue
        folders[:] = sorted(set(folders) - NOT_OURS)
        for name in sorted(names):
            yield Path(folder, name)


def code_files(root):
    return [path for path in source_files(root) if path.suffix in CODE]
