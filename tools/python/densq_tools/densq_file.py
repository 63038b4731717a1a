# SPDX-License-Identifier: MIT
"""Reads and writes .densq files, as docs/format.md has them.

Entries are read when they are asked for, and written one by one, so that memory holds one matrix.
"""
import dataclasses
import hashlib
import math
import struct

import numpy as np
from google_crc32c import value as crc32c

from . import InputError
from .densq_codes import decode_codes, encode_codes, section_bytes
from .files import replace_file, require_file

MAGIC = b"DENSQ\r\n\x1a"
ALIGNMENT = 64
HEADER = struct.Struct("<8s2IQ5I80sI")
METADATA = struct.Struct("<2I2Q2I")
MATRIX = struct.Struct("<6I2Q5I36s")
TENSOR = struct.Struct("<4I4I2QI12s")
DTYPES = {1: ("F32", 4), 2: ("F16", 2), 3: ("BF16", 2)}
DTYPE_NUMBERS = {name: number for number, (name, _) in DTYPES.items()}
MOST_ENTRIES, MOST_LINES, MOST_TEXT, MOST_ELEMENTS = 2 ** 20, 2 ** 24, 2 ** 28, 2 ** 40


@dataclasses.dataclass
class Matrix:
    """Weight [r, c] is lut[r, codes[r, c]], plus the sparse value that row r has in column c."""
    bits: int
    lut: np.ndarray      # float16 [rows, 2^bits]
    codes: np.ndarray    # uint8 [rows, cols]
    row_ptr: np.ndarray  # [rows + 1]: where in col and val the values of a row begin
    col: np.ndarray      # [nnz], ascending in a row
    val: np.ndarray      # float16 [nnz]

    def dequantize(self):
        """float32 [rows, cols]"""
        weights = np.take_along_axis(self.lut.astype(np.float32), self.codes, axis=1)
        weights.reshape(-1)[self.places()] += self.val
        return weights

    def places(self):
        """int64 [nnz]: row * cols + col of each sparse value"""
        rows, cols = self.codes.shape
        return np.repeat(np.arange(rows) * cols, np.diff(self.row_ptr)) + self.col

    def sections(self):
        rows, cols = self.codes.shape
        dense = [self.lut.astype("<f2").tobytes(), encode_codes(self.codes, self.bits).tobytes()]
        if not len(self.val):
            return dense + [b"", b"", b""]
        return dense + [self.row_ptr.astype("<u4").tobytes(),
                        self.col.astype(_col_dtype(cols)).tobytes(),
                        self.val.astype("<f2").tobytes()]


@dataclasses.dataclass
class Tensor:
    dtype: str     # F32, F16 or BF16
    shape: tuple
    data: bytes    # row-major


def _col_dtype(cols):
    return np.dtype("<u2" if cols <= 65536 else "<u4")


def _padding(size):
    return -size % ALIGNMENT


def _section_sizes(rows, cols, bits, nnz):
    dense = [2 * rows << bits, section_bytes(rows, cols, bits)]
    sparse = [4 * (rows + 1), _col_dtype(cols).itemsize * nnz, 2 * nnz] if nnz else [0, 0, 0]
    return dense + sparse


def _is_name(text):
    return 0 < len(text.encode()) <= 255 and not any(
        ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


class DensqFile:
    """metadata: {key: text}; matrices: {name: (rows, cols, bits, nnz)}; tensors: {name: (dtype,
    shape)}."""

    def __init__(self, path):
        require_file(path)
        self.path = path
        self.data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
        self.places = {}  # of an entry: offsets, sizes and CRCs of its sections
        self._read_directory()
        self.metadata = {key: self._text(key) for key in self.metadata}

    def _require(self, true, what, offset):
        if not true:
            raise InputError(f"{self.path}: offset {offset}: {what}; the file is damaged, or was "
                             "not written by densq")

    def _read_directory(self):
        self._require(self.data[:8].tobytes() == MAGIC, "is no densq file", 0)
        self._require(len(self.data) >= HEADER.size, "the header is cut off", len(self.data))
        header = self.data[:HEADER.size].tobytes()
        (_, version, features, size, *counts, name_bytes, directory_crc, reserved,
         header_crc) = HEADER.unpack(header)
        if version != 1 or features:
            raise InputError(f"{self.path}: is of version {version} with features {features:#x}, "
                             "which this program does not know; a later densq-tools reads it")
        self._require(crc32c(header[:-4]) == header_crc, "the header's CRC is wrong", 124)
        self._require(size == len(self.data), f"the size is not {size}", 16)
        self._require(not any(reserved), "a reserved byte is not 0", 44)
        self._require(max(counts) <= MOST_ENTRIES, "too many entries", 24)
        kinds = list(zip((METADATA, MATRIX, TENSOR), counts))
        end = HEADER.size + sum(record.size * count for record, count in kinds) + name_bytes
        self._require(end + _padding(end) <= size, "the directory exceeds the file", 36)
        directory = self.data[HEADER.size:end].tobytes()
        self._require(crc32c(directory) == directory_crc, "the directory's CRC is wrong", 40)
        self._require(not self.data[end:end + _padding(end)].any(), "padding is not 0", end)
        self._read_records(kinds, directory, end - name_bytes, end)
        self.identity = hashlib.sha256(directory).hexdigest()  # the CRCs of all sections are in it

    def _read_records(self, kinds, directory, names_at, end):
        places = _Places(self, directory, names_at, end + _padding(end))
        at, found = HEADER.size, []
        for (record, count), read in zip(kinds, (places.metadata, places.matrix, places.tensor)):
            entries, last = {}, b""
            for _ in range(count):
                name, fields = places.name(record, at, last)
                entries[name] = read(name, fields, at)
                at, last = at + record.size, name.encode()
            found.append(entries)
        self.metadata, self.matrices, self.tensors = found
        both = self.matrices.keys() & self.tensors.keys()
        self._require(not both, f"a matrix and a tensor are both named {sorted(both)[:1]}", at)
        self._require(places.name_end == end - names_at, "names are left over", 36)
        self._require(places.section_end == len(self.data), "bytes are left over", 16)

    def _section(self, kind, name, number):
        offset, size, crc = self.places[kind, name][number]
        data = self.data[offset:offset + size].tobytes()
        self._require(crc32c(data) == crc, f"the CRC of a section of {name!r} is wrong", offset)
        padding = self.data[offset + size:offset + size + _padding(size)]
        self._require(not padding.any(), "padding is not 0", offset + size)
        return data

    def _decoded(self, data, what, offset):
        try:
            return data.decode()
        except UnicodeDecodeError:
            self._require(False, f"{what} is not UTF-8", offset)

    def _text(self, key):
        return self._decoded(self._section("metadata", key, 0), f"the value of {key!r}",
                             self.places["metadata", key][0][0])

    def tensor(self, name):
        dtype, shape = self.tensors[name]
        return Tensor(dtype, shape, self._section("tensor", name, 0))

    def matrix(self, name):
        rows, cols, bits, nnz = self.matrices[name]
        lut, codes, row_ptr, col, val = (self._section("matrix", name, i) for i in range(5))
        at = [offset for offset, _, _ in self.places["matrix", name]]
        lut, val = (np.frombuffer(part, "<f2") for part in (lut, val))
        for part, offset in ((lut, at[0]), (val, at[4])):
            self._require(np.isfinite(part).all(), f"{name!r} has a value that is not finite",
                          offset)
        decoded = decode_codes(np.frombuffer(codes, np.uint8), rows, cols, bits)
        self._require(encode_codes(decoded, bits).tobytes() == codes,
                      f"{name!r} has bits of no code that are not 0", at[1])
        row_ptr = np.frombuffer(row_ptr, "<u4") if nnz else np.zeros(rows + 1, "<u4")
        col = np.frombuffer(col, _col_dtype(cols))
        self._require(row_ptr[0] == 0 and row_ptr[-1] == nnz
                      and (row_ptr[:-1] <= row_ptr[1:]).all(), f"row_ptr of {name!r} is wrong",
                      at[2])
        matrix = Matrix(bits, lut.reshape(rows, -1), decoded, row_ptr.astype(np.int64), col, val)
        places = matrix.places()
        self._require((col < cols).all() and (places[:-1] < places[1:]).all(),
                      f"columns of {name!r} are out of range or order", at[3])
        return matrix


class _Places:
    """Follows where the next name and the next section must be."""

    def __init__(self, file, directory, names_at, section_end):
        self.file, self.directory = file, directory
        self.names = directory[names_at - HEADER.size:]
        self.name_end, self.section_end = 0, section_end

    def name(self, record, at, last):
        offset, size, *fields = record.unpack_from(self.directory, at - HEADER.size)
        self.file._require(offset == self.name_end and size <= len(self.names) - offset,
                           "a name is out of its place", at)
        self.name_end += size
        text = self.names[offset:offset + size]
        name = self.file._decoded(text, "a name", at)
        self.file._require(_is_name(name), "a name is empty, too long, or has control characters",
                           at)
        self.file._require(text > last, f"{name!r} is out of order", at)
        return name, fields

    def sections(self, kind, name, offset, size, sizes, crcs, at):
        self.file._require(offset == self.section_end, f"{name!r} is out of its place", at)
        self.file._require(size == sum(part + _padding(part) for part in sizes)
                           and size <= len(self.file.data) - offset,
                           f"{name!r} has a wrong size", at)
        places = self.file.places[kind, name] = []
        for part, crc in zip(sizes, crcs):
            places.append((self.section_end, part, crc))
            self.section_end += part + _padding(part)

    def reserved(self, value, at):
        self.file._require(not any(value), "a reserved byte is not 0", at)

    def metadata(self, name, fields, at):
        offset, size, crc, reserved = fields
        self.reserved([reserved], at)
        self.file._require(size <= MOST_TEXT, f"{name!r} is too long", at)
        self.sections("metadata", name, offset, size + _padding(size), [size], [crc], at)

    def matrix(self, name, fields, at):
        rows, cols, bits, nnz, offset, size, *crcs, reserved = fields
        self.reserved(reserved, at)
        self.file._require(0 < rows <= MOST_LINES and 0 < cols <= MOST_LINES and bits in (2, 3, 4)
                           and nnz <= rows * cols, f"{name!r} has an impossible shape", at)
        sizes = _section_sizes(rows, cols, bits, nnz)
        self.sections("matrix", name, offset, size, sizes, crcs, at)
        self.file._require(nnz or not any(crcs[2:]), f"{name!r} has CRCs of no bytes", at)
        return rows, cols, bits, nnz

    def tensor(self, name, fields, at):
        dtype, dimensions, *shape, offset, size, crc, reserved = fields
        self.reserved(reserved, at)
        self.file._require(dtype in DTYPES and dimensions <= 4 and not any(shape[dimensions:])
                           and all(shape[:dimensions]) and math.prod(shape[:dimensions])
                           <= MOST_ELEMENTS, f"{name!r} has an impossible shape or dtype", at)
        word, element = DTYPES[dtype]
        bytes_ = math.prod(shape[:dimensions]) * element
        self.file._require(size == bytes_, f"{name!r} has a wrong size", at)
        self.sections("tensor", name, offset, size + _padding(size), [bytes_], [crc], at)
        return word, tuple(shape[:dimensions])


def write_densq(path, metadata, matrices, tensors):
    """Writes {key: text}, {name: Matrix} and {name: Tensor}; a value may also be a function that
    makes it."""
    entries = [(record, name, value) for record, values in
               ((METADATA, metadata), (MATRIX, matrices), (TENSOR, tensors))
               for name, value in sorted(values.items(), key=lambda entry: entry[0].encode())]
    names = b"".join(name.encode() for _, name, _ in entries)
    begin = HEADER.size + sum(record.size for record, _, _ in entries) + len(names)
    counts = [len(metadata), len(matrices), len(tensors), len(names)]

    def write(temporary):
        with open(temporary, "wb") as file:
            file.seek(begin + _padding(begin))
            records = b"".join(_write_entries(file, entries))
            size = file.tell()
            file.truncate(size)  # if there are no entries, no byte was written so far
            header = HEADER.pack(MAGIC, 1, 0, size, *counts, crc32c(records + names), bytes(80), 0)
            file.seek(0)
            file.write(header[:-4] + struct.pack("<I", crc32c(header[:-4])) + records + names)

    replace_file(path, write)


def _write_entries(file, entries):
    """Writes the sections, yields the records."""
    name_end = 0
    for record, name, value in entries:
        value = value() if callable(value) else value
        offset, place = file.tell(), (name_end, len(name.encode()))
        name_end += place[1]
        if record is METADATA:
            sections, facts = [value.encode()], ()
        elif record is MATRIX:
            sections, facts = value.sections(), (*value.codes.shape, value.bits, len(value.val))
        else:
            facts = (DTYPE_NUMBERS[value.dtype], len(value.shape), *value.shape,
                     *[0] * (4 - len(value.shape)))
            sections = [value.data]
        for section in sections:
            file.write(section + bytes(_padding(len(section))))
        size = file.tell() - offset if record is MATRIX else len(sections[0])
        yield record.pack(*place, *facts, offset, size, *map(crc32c, sections),
                          *([0] if record is METADATA else [b""]))
