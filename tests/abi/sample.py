# SPDX-License-Identifier: MIT
"""A file of one 2 x 3 matrix, written after docs/format.md with nothing of this library."""
import os
import shlex
import struct
import subprocess
import tempfile

ROWS, COLS, BITS = 2, 3, 4
LUT = [[0.25 * entry for entry in range(16)], [-0.5 * entry for entry in range(16)]]
CODES = [[1, 15, 7], [4, 0, 2]]
ROW_PTR, COL, VAL = [0, 1, 1], [2], [1.5]  # one nonzero: row 0, column 2

X = [1.0, 2.0, 3.0]  # what consumer.c multiplies by
Y = [sum((LUT[r][CODES[r][c]] + (VAL[0] if (r, c) == (0, 2) else 0.0)) * X[c] for c in range(COLS))
     for r in range(ROWS)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def padded(data):
    return data + bytes(-len(data) % 64)


def sample_file():
    # 3 columns are one unit of the tail; row r is field r of the tile's only group and line.
    lanes = [sum(CODES[r][c] << 4 * r for r in range(ROWS)) for c in range(COLS)]
    sections = [
        struct.pack("<32e", *LUT[0], *LUT[1]),
        struct.pack("<32H", *lanes, *[0] * (32 - COLS)),
        struct.pack("<3I", *ROW_PTR),
        struct.pack("<H", *COL),
        struct.pack("<e", *VAL),
    ]
    values = b"".join(map(padded, sections))
    name = b"sample"
    offset = len(padded(bytes(128 + 96) + name))
    record = struct.pack("<6I2Q5I36x", 0, len(name), ROWS, COLS, BITS, len(VAL), offset,
                         len(values), *map(crc32c, sections))
    header = struct.pack("<8s2IQ5I80x", b"DENSQ\r\n\x1a", 1, 0, offset + len(values), 0, 1, 0,
                         len(name), crc32c(record + name))
    return padded(header + struct.pack("<I", crc32c(header)) + record + name) + values


def product_is_right(program, names=(), tolerance=0.0):
    """Whether a program that prints the product of a file's first matrix, or of those named, and X
    gets it right."""
    expected = Y * max(1, len(names))
    with tempfile.NamedTemporaryFile(suffix=".densq") as file:
        file.write(sample_file())
        file.flush()
        emulator = shlex.split(os.environ.get("EMULATOR", ""))
        result = subprocess.run([*emulator, program, file.name, *names], capture_output=True,
                                text=True)
    y = [float(line) for line in result.stdout.split()]
    right = (result.returncode == 0 and len(y) == len(expected) and
             all(abs(got - wanted) <= tolerance * abs(wanted) for got, wanted in zip(y, expected)))
    if not right:
        print(f"{program} exits with {result.returncode} and prints {y}, not {expected}: "
              f"{result.stderr}")
    return right
