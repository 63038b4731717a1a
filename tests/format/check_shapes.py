# SPDX-License-Identifier: MIT
"""Writes a file of many shapes and lets the library read it: check_shapes.py CHECK_SHAPES"""
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import make_golden

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "shapes.densq")
    path.write_bytes(make_golden.make_file({}, make_golden.formula_matrices(
        make_golden.every_shape()), {}))
    emulator = shlex.split(os.environ.get("EMULATOR", ""))
    sys.exit(subprocess.run([*emulator, sys.argv[1], path]).returncode)
