# SPDX-License-Identifier: MIT
"""Writes golden files, or compares them with what it would write.

    make_golden.py FOLDER [--check]

A matrix is named after its shape, ROWSxCOLS.bBITS.sPERIOD, and filled by the formulas below, which
content.hpp has too.
"""
import argparse
import itertools
from pathlib import Path

import numpy as np

from make_file import Matrix, Tensor, make_file


def formula_matrix(rows, cols, bits, period):
    """`period`: of so many weights in a row the middle one is in the sparse part; 0: none."""
    row, col = np.arange(rows)[:, None], np.arange(cols)[None, :]
    entry = np.arange(1 << bits)[None, :]
    lut = (entry - (1 << bits) // 2) / 8 + row / 64
    codes = (5 * row + 3 * col + col // 32 + col // 512) % (1 << bits)
    sparse = [(r, c, 2 + c % 8 / 4) for r in range(rows) for c in range(cols)
              if period and (r * cols + c) % period == period // 2]
    return Matrix(bits, lut, codes, sparse)


def formula_matrices(shapes):
    return {"{}x{}.b{}.s{}".format(*shape): formula_matrix(*shape) for shape in shapes}


def small_file():
    metadata = {"empty": "", "config.json": '{"hidden_size": 37}\n',
                "Grüße": "日本語 \U0001F600"}
    matrices = formula_matrices([(1, 1, 2, 0), (1, 1, 4, 1), (5, 37, 2, 7), (7, 64, 3, 0),
                                 (17, 70, 3, 11), (3, 600, 4, 13), (2, 520, 2, 5),
                                 (9, 5, 4, 14)])
    tensors = {
        "scalar": Tensor("F32", (), np.array(0.5, "<f4").tobytes()),
        "f32": Tensor("F32", (2, 3), np.array([1, -2, 3, np.inf, np.nan, 0], "<f4").tobytes()),
        "f16": Tensor("F16", (4, 1, 2, 3), np.arange(24).astype("<f2").tobytes()),
        "bf16": Tensor("BF16", (5,), np.array([0x3F80, 0xC000, 0x7F80, 0, 1], "<u2").tobytes()),
    }
    return make_file(metadata, matrices, tensors)


def golden_files():
    return {
        "empty.densq": make_file({}, {}, {}),
        "plain.densq": make_file({"config.json": "{}"}, {},
                                 {"weight": Tensor("F32", (3,), bytes(12))}),
        "small.densq": small_file(),
        "tall.densq": make_file({}, formula_matrices([(130, 9, 3, 1)]), {}),
        # Column indices are 16 bits wide up to 65536 columns, then 32.
        "wide.densq": make_file({}, formula_matrices([(1, 65536, 2, 8738), (1, 65537, 2, 43691)]),
                                {}),
    }


def every_shape():
    """Too much to keep: check_shapes.py makes a file of these."""
    rows = [1, 2, 15, 16, 17, 40]
    cols = [1, 31, 32, 33, 64, 95, 160, 480, 481, 511, 512, 513, 576, 1030]
    return [(*shape, (0, 3, 97)[number % 3])
            for number, shape in enumerate(itertools.product(rows, cols, [2, 3, 4]))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    changed = 0
    for name, data in golden_files().items():
        path = arguments.folder / name
        if not arguments.check:
            path.write_bytes(data)
        elif path.read_bytes() != data:
            print(f"{path} differs from what the reference writer writes")
            changed += 1
    return changed


if __name__ == "__main__":
    raise SystemExit(main())
