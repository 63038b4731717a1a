# SPDX-License-Identifier: MIT
"""The reader and writer of .densq files in Python, against the files of the format's own tests.

    check_densq_file.py PACKAGE_DIR FORMAT_TESTS_DIR
"""
import filecmp
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from densq_tools import InputError  # noqa: E402
from densq_tools.densq_codes import decode_codes, encode_codes  # noqa: E402
from densq_tools.densq_file import DensqFile, write_densq  # noqa: E402

TESTS = Path(sys.argv[2])


def read(path):
    file = DensqFile(path)
    return (file.metadata, {name: file.matrix(name) for name in file.matrices},
            {name: file.tensor(name) for name in file.tensors})


def check_golden(folder):
    """What was read is written as the same bytes."""
    paths = [*(TESTS / "golden").glob("*.densq"), TESTS / "errors" / "good.densq"]
    assert len(paths) > 4
    for path in paths:
        write_densq(folder / "again", *read(path))
        assert filecmp.cmp(path, folder / "again", shallow=False), path


def check_errors(_):
    """Every bad file is refused."""
    lines = (TESTS / "errors" / "expected.txt").read_text().splitlines()
    assert len(lines) > 100
    for line in lines:
        path = TESTS / "errors" / f"{line.split()[0]}.densq"
        try:
            read(path)
        except InputError as error:
            assert str(error).startswith(f"{path}: "), error
        else:
            raise AssertionError(f"{path} was taken")


def check_shapes(_):
    random = np.random.default_rng(1)
    for bits in (2, 3, 4):
        for rows, cols in ((1, 1), (15, 511), (16, 512), (17, 513), (40, 31), (3, 1600)):
            codes = random.integers(0, 2 ** bits, (rows, cols)).astype(np.uint8)
            section = encode_codes(codes, bits)
            assert np.array_equal(decode_codes(section, rows, cols, bits), codes)


with tempfile.TemporaryDirectory() as name:
    for check in (check_golden, check_errors, check_shapes):
        check(Path(name))
        print(f"{check.__name__}: ok")
