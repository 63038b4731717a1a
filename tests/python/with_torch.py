# SPDX-License-Identifier: MIT
"""Runs a script by a Python that has PyTorch: that of .venv-torch, or this one.

    with_torch.py REPOSITORY SCRIPT ARGUMENT...     exit status 77: there is none
"""
import importlib.util
import os
import sys
from pathlib import Path

repository, *command = sys.argv[1:]
own = Path(repository) / ".venv-torch" / "bin" / "python"
if not own.exists() and not importlib.util.find_spec("torch"):
    print("no PyTorch: ./test --long installs it in .venv-torch")
    sys.exit(77)
python = str(own if own.exists() else sys.executable)
os.execv(python, [python, "-B", *command])
