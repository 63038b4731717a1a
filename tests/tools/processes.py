# SPDX-License-Identifier: MIT
"""densq quantize as a process that runs, and what can be seen of its work from outside."""
import subprocess
import time
from pathlib import Path

from support import DENSQ, make_file


def start(model, output, *arguments, stderr=subprocess.PIPE):
    return subprocess.Popen([DENSQ, "quantize", "--model", model, "--unweighted", "-o", output,
                             *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True)


def done_matrices(partial):
    """How many matrices have their record at its place, behind the two metadata records."""
    first, size = make_file.HEADER.size + 2 * make_file.METADATA.size, make_file.MATRIX.size
    data, count = Path(partial).read_bytes() if Path(partial).exists() else b"", 0
    while any(data[first + count * size:first + (count + 1) * size]):
        count += 1
    return count


def wait_for_partial(process, output, matrices=0):
    """Until the partial file is there, with so many matrices done."""
    partial = Path(f"{output}.partial")
    while not partial.exists() or done_matrices(partial) < matrices:
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
