# SPDX-License-Identifier: MIT
"""Writes densq files from arrays, after docs/format.md and with nothing of the library."""
import struct
from dataclasses import dataclass, field

import numpy as np

MAGIC = b"DENSQ\r\n\x1a"
HEADER = struct.Struct("<8s2IQ5I80xI")
METADATA = struct.Struct("<2I2QI4x")
MATRIX = struct.Struct("<6I2Q5I36x")
TENSOR = struct.Struct("<4I4I2QI12x")
DTYPES = {"F32": 1, "F16": 2, "BF16": 3}
ALIGNMENT = 64


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crc_entry(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_TABLE = [_crc_entry(byte) for byte in range(256)]


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


@dataclass
class Matrix:
    bits: int
    lut: np.ndarray  # [rows][2^bits]
    codes: np.ndarray  # [rows][cols]
    sparse: list = field(default_factory=list)  # (row, col, value), ascending

    def sections(self):
        rows, cols = self.codes.shape
        sections = [self.lut.astype("<f2").tobytes(), encode_codes(self.codes, self.bits)]
        if not self.sparse:
            return sections + [b"", b"", b""]
        counts = np.bincount([row for row, _, _ in self.sparse], minlength=rows)
        row_ptr = np.concatenate([[0], np.cumsum(counts)])
        return sections + [
            row_ptr.astype("<u4").tobytes(),
            np.array([col for _, col, _ in self.sparse],
                     "<u2" if cols <= 65536 else "<u4").tobytes(),
            np.array([value for _, _, value in self.sparse], "<f2").tobytes(),
        ]


@dataclass
class Tensor:
    dtype: str
    shape: tuple
    data: bytes


def encode_codes(codes, bits):
    """The codes section: tiles of 16 rows; a tile is a sequence of units of 32 codes."""
    rows, cols = codes.shape
    full = cols // 512 * 512
    section = b""
    for first in range(0, rows, 16):
        tile = codes[first:first + 16]
        units = [tile[row, col:col + 32] for block in range(0, full, 512)
                 for row in range(len(tile)) for col in range(block, block + 512, 32)]
        tail = np.zeros((len(tile), -(-(cols - full) // 32) * 32), np.int64)
        tail[:, :cols - full] = tile[:, full:]
        units += [row[col:col + 32] for row in tail for col in range(0, tail.shape[1], 32)]
        for group in range(0, len(units), 16):
            section += encode_group(units[group:group + 16], bits)
    return section


def encode_group(units, bits):
    """1 to 16 units -> lines of 32 slots of 16 bits."""
    per_line = 8 if bits == 2 else 4
    lines = np.zeros((bits, 32), np.int64)
    for number, unit in enumerate(units):
        if bits == 3 and number >= 12:
            low_line = 0 if number < 14 else 2
            byte = 8 * (number % 2)
            lines[low_line] |= (unit & 3) << 6 + byte
            lines[1] |= (unit >> 2) << (6 if number < 14 else 7) + byte
        else:
            shift = [0, 3, 8, 11][number % 4] if bits == 3 else bits * (number % per_line)
            lines[number // per_line] |= unit << shift
    used = min(bits, -(-len(units) // per_line))
    return lines[:used].astype("<u2").tobytes()


def make_file(metadata, matrices, tensors):
    """Bytes of a file of {key: text}, {name: Matrix} and {name: Tensor}."""
    kinds = [sorted((name.encode(), entry) for name, entry in entries.items())
             for entries in (metadata, matrices, tensors)]
    names = b"".join(name for entries in kinds for name, _ in entries)
    sizes = [METADATA.size, MATRIX.size, TENSOR.size]
    offset = HEADER.size + len(names)
    offset += sum(size * len(entries) for size, entries in zip(sizes, kinds))
    offset += -offset % ALIGNMENT
    first = offset
    records, values, name_offset = b"", [], 0
    for kind, entries in enumerate(kinds):
        for name, entry in entries:
            place = (name_offset, len(name))
            if kind == 0:
                sections = [entry.encode()]
                records += METADATA.pack(*place, offset, len(sections[0]), crc32c(sections[0]))
            elif kind == 1:
                sections = entry.sections()
                records += MATRIX.pack(*place, *entry.codes.shape, entry.bits, len(entry.sparse),
                                       offset, sum(len(padded(s)) for s in sections),
                                       *map(crc32c, sections))
            else:
                sections = [entry.data]
                shape = (*entry.shape, *[0] * (4 - len(entry.shape)))
                records += TENSOR.pack(*place, DTYPES[entry.dtype], len(entry.shape), *shape,
                                       offset, len(entry.data), crc32c(entry.data))
            values += map(padded, sections)
            offset += sum(len(padded(section)) for section in sections)
            name_offset += len(name)
    directory = records + names
    header = HEADER.pack(MAGIC, 1, 0, offset, *map(len, kinds), len(names), crc32c(directory), 0)
    header = header[:-4] + struct.pack("<I", crc32c(header[:-4]))
    data = padded(header + directory)
    assert len(data) == first
    return data + b"".join(values)
