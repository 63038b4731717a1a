# SPDX-License-Identifier: MIT
"""densq quantize as a process that runs, and what can be seen of its work from outside."""
import os
import subprocess
import time
from pathlib import Path

from support import DENSQ, make_file


def start(model, output, *arguments, stderr=subprocess.PIPE):
    return subprocess.Popen([DENSQ, "quantize", "--model", model, "--unweighted", "-o", output,
                             *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True)


def read_terminal(master):
    """What was sent to the other side of a pty, until that is closed."""
    shown = b""
    try:
        while data := os.read(master, 65536):
            shown += data
    except OSError:  # EIO: the other side is closed
        pass
    os.close(master)
    return shown.decode()


def done_matrices(partial, metadata):
    """How many matrices have their record at its place, behind so many metadata records."""
    first = make_file.HEADER.size + metadata * make_file.METADATA.size
    data, count = Path(partial).read_bytes() if Path(partial).exists() else b"", 0
    while any(data[first + count * make_file.MATRIX.size:][:make_file.MATRIX.size]):
        count += 1
    return count


def wait_until(process, condition):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)


def wait_for_partial(process, output):
    wait_until(process, Path(f"{output}.partial").exists)
