# SPDX-License-Identifier: MIT
"""Runs of densq-gradients and its like in this process, on models made here."""
import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers
from families import TEXT, write_model
from safetensors.torch import load_file

sys.path.insert(0, sys.argv[1])
from densq_tools import gradients  # noqa: E402

transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(2)
SAMPLES, LENGTH = 6, 24
WEIGHTS = "model.safetensors"


def run_program(program, arguments):
    """The exit status or message of its main function, and what was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        try:
            program.main([str(word) for word in arguments])
            status = 0
        except SystemExit as error:
            status = error.code
    return status, printed.getvalue()


def run(*arguments):
    return run_program(gradients, arguments)


def options(folder, output="g.safetensors", text="text.txt", samples=SAMPLES):
    return ["--model", folder / "model", "--text", folder / text, "--samples", samples, "--length",
            LENGTH, "--dtype", "f32", "--output", folder / output]


def measured(folder, *more, **differences):
    arguments = options(folder, **differences)
    status, printed = run(*arguments, *more)
    assert status == 0, status
    return load_file(arguments[-1]), printed


def write_inputs(folder, family="llama, tied", text=TEXT):
    folder.mkdir(exist_ok=True)
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return write_model(folder / "model", family)


def run_checks(*checks):
    for check in checks:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            check(Path(folder))
        print(f"{check.__name__}: ok, {time.monotonic() - begin:.1f} s", flush=True)
