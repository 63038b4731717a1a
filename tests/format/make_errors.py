# SPDX-License-Identifier: MIT
"""Writes one bad file for each rule of docs/format.md, and what a reader says to it.

    make_errors.py FOLDER [--check]

Each is a good file with a few bytes changed and all checksums made right again, unless the checksum
is the rule.  expected.txt has a line for each: file, status, offset, text, between tabs.
"""
import argparse
import struct
from pathlib import Path

import numpy as np

from make_file import HEADER, MATRIX, METADATA, TENSOR, Matrix, Tensor, crc32c, make_file

FIELDS = {
    "header": {"version": 8, "required_features": 12, "file_bytes": 16, "metadata_count": 24,
               "matrix_count": 28, "tensor_count": 32, "name_bytes": 36, "directory_crc": 40,
               "reserved": 44, "header_crc": 124},
    "metadata": {"name_offset": 0, "name_bytes": 4, "offset": 8, "value_bytes": 16,
                 "value_crc": 24, "reserved": 28},
    "matrix": {"name_offset": 0, "name_bytes": 4, "rows": 8, "cols": 12, "bits": 16, "nnz": 20,
               "offset": 24, "bytes": 32, "lut_crc": 40, "codes_crc": 44, "row_ptr_crc": 48,
               "col_crc": 52, "val_crc": 56, "reserved": 60},
    "tensor": {"name_offset": 0, "name_bytes": 4, "dtype": 8, "dimensions": 12, "shape": 16,
               "offset": 32, "bytes": 40, "crc": 48, "reserved": 52},
}
MAX_ENTRIES = 1 << 20
WIDE = {"file_bytes", "offset", "value_bytes", "bytes"}  # 64 bits, all others 32

METADATA_ENTRIES = {"a": "text", "b": "more"}
MATRICES = {
    "m": Matrix(4, np.arange(32).reshape(2, 16) / 4, np.array([[1, 15, 7], [4, 0, 2]]),
                [(0, 0, 1.5), (0, 2, -1.0), (1, 1, 0.5)]),
    "n": Matrix(3, np.arange(8).reshape(1, 8) / 2, np.arange(40).reshape(1, 40) % 8),
}
TENSORS = {"t": Tensor("F32", (2, 3), bytes(range(24))), "u": Tensor("F16", (), b"\0\x3c")}

GOOD = make_file(METADATA_ENTRIES, MATRICES, TENSORS)
SIZE = len(GOOD)
RECORDS = {  # offset of the first record of a kind, and size of one
    "metadata": (HEADER.size, METADATA.size),
    "matrix": (HEADER.size + 2 * METADATA.size, MATRIX.size),
    "tensor": (HEADER.size + 2 * METADATA.size + 2 * MATRIX.size, TENSOR.size),
}
NAMES = RECORDS["tensor"][0] + 2 * TENSOR.size
DIRECTORY_END = NAMES + 6


def at(kind, index, field):
    """Offset of a field."""
    first, size = RECORDS.get(kind, (0, 0))
    return first + index * size + FIELDS[kind][field]


def put(kind, index, field, value):
    """An edit: (offset, bytes)."""
    return at(kind, index, field), struct.pack("<Q" if field in WIDE else "<I", value)


def get(kind, index, field):
    return struct.unpack_from("<Q" if field in WIDE else "<I", GOOD, at(kind, index, field))[0]


def rounded(size):
    return size + -size % 64


def find_sections():
    """{name: (offset, size, offset of its CRC)}"""
    sections = {}
    for index, (key, value) in enumerate(METADATA_ENTRIES.items()):
        sections[key] = (get("metadata", index, "offset"), len(value),
                         at("metadata", index, "value_crc"))
    for index, (name, matrix) in enumerate(MATRICES.items()):
        offset = get("matrix", index, "offset")
        for part, data in zip(["lut", "codes", "row_ptr", "col", "val"], matrix.sections()):
            sections[f"{name}.{part}"] = (offset, len(data), at("matrix", index, f"{part}_crc"))
            offset += rounded(len(data))
    for index, (name, tensor) in enumerate(TENSORS.items()):
        sections[name] = (get("tensor", index, "offset"), len(tensor.data),
                          at("tensor", index, "crc"))
    return sections


SECTIONS = find_sections()
BEGIN = {name: offset for name, (offset, _, _) in SECTIONS.items()}
END = {name: offset + size for name, (offset, size, _) in SECTIONS.items()}


def with_checksums(data):
    data = bytearray(data)
    for offset, size, crc_at in SECTIONS.values():
        struct.pack_into("<I", data, crc_at, crc32c(data[offset:offset + size]))
    end = NAMES + struct.unpack_from("<I", data, at("header", 0, "name_bytes"))[0]
    struct.pack_into("<I", data, at("header", 0, "directory_crc"), crc32c(data[HEADER.size:end]))
    struct.pack_into("<I", data, at("header", 0, "header_crc"), crc32c(data[:124]))
    return bytes(data)


CASES = {}  # name: (data, status, offset, text)


def case(name, status, offset, text, *edits, fix=True):
    data = bytearray(GOOD)
    for place, new in edits:
        data[place:place + len(new)] = new
    CASES[name] = (with_checksums(data) if fix else bytes(data), status, offset, text)


def raw_case(name, status, offset, text, data):
    CASES[name] = (data, status, offset, text)


def crc_case(name, offset, what, crc_at, computed):
    """A wrong checksum in the file; the header's own stays right."""
    stated = computed ^ 1
    data = bytearray(GOOD)
    struct.pack_into("<I", data, crc_at, stated)
    if crc_at >= HEADER.size:
        struct.pack_into("<I", data, 40, crc32c(data[HEADER.size:DIRECTORY_END]))
    if crc_at != 124:
        struct.pack_into("<I", data, 124, crc32c(data[:124]))
    raw_case(name, "CHECKSUM", offset,
             f"{what} is {computed:#x}, the file states {stated:#x}: it is damaged", bytes(data))


def header_cases():
    magic = "the file does not begin with the magic of densq files"
    raw_case("empty", "MAGIC", 0, "the file is empty", b"")
    raw_case("magic", "MAGIC", 0, magic, b"M" + GOOD[1:])
    raw_case("magic_text_mode", "MAGIC", 0, magic, GOOD.replace(b"\r\n", b"\n"))
    raw_case("magic_short", "MAGIC", 0, magic, b"PK")
    raw_case("header_short", "CORRUPT", 127,
             "the file is cut off: it ends after 127 bytes, inside its header of 128", GOOD[:127])
    for version in (0, 2):
        case(f"version_{version}", "VERSION", 8,
             f"the file has format version {version}, this library reads version 1",
             put("header", 0, "version", version))
    case("required_features", "VERSION", 12,
         "the file requires features 0x80000001 that this library does not have",
         put("header", 0, "required_features", 0x80000001))
    crc_case("header_crc", 0, "header: its CRC-32C", 124, crc32c(GOOD[:124]))
    raw_case("cut_off", "CORRUPT", SIZE - 64,
             f"the file is cut off: {SIZE - 64} of {SIZE} bytes are there", GOOD[:-64])
    raw_case("trailing_bytes", "CORRUPT", SIZE,
             f"the file has {SIZE + 64} bytes, its header says {SIZE}", GOOD + bytes(64))
    case("header_reserved", "CORRUPT", 123, "header: a reserved byte is not zero", (123, b"\1"))
    for field in ("metadata_count", "matrix_count", "tensor_count"):
        case(field, "LIMIT", at("header", 0, field),
             f"header: {field} is {MAX_ENTRIES + 1}, the limit is {MAX_ENTRIES}",
             put("header", 0, field, MAX_ENTRIES + 1))
    longer = rounded(DIRECTORY_END + (MAX_ENTRIES - 2) * MATRIX.size)
    case("directory_too_long", "CORRUPT", SIZE,
         f"directory: it takes {longer} bytes of a file of {SIZE}",
         put("header", 0, "matrix_count", MAX_ENTRIES))
    case("names_too_long", "CORRUPT", SIZE,
         f"directory: it takes {rounded(NAMES + 0xFFFFFFFF)} bytes of a file of {SIZE}",
         put("header", 0, "name_bytes", 0xFFFFFFFF))
    crc_case("directory_crc", 128, "directory: its CRC-32C", 40, crc32c(GOOD[128:DIRECTORY_END]))
    case("directory_padding", "CORRUPT", DIRECTORY_END + 1,
         "directory: the padding behind the names is not zero", (DIRECTORY_END + 1, b"\1"))
    case("name_bytes", "CORRUPT", 36, "header: name_bytes is 7, the names have 6",
         put("header", 0, "name_bytes", 7))
    tail = bytearray(GOOD + bytes(64))
    struct.pack_into("<Q", tail, 16, SIZE + 64)
    raw_case("hole_at_end", "CORRUPT", SIZE, f"the last section ends at byte {SIZE} of {SIZE + 64}",
             with_checksums(tail))


def name_cases():
    case("name_offset", "CORRUPT", at("matrix", 1, "name_offset"),
         "matrix 1: name_offset is 2, not 3, where the name before ends",
         put("matrix", 1, "name_offset", 2))
    case("name_empty", "CORRUPT", at("matrix", 0, "name_bytes"),
         "matrix 0: name_bytes is 0, not in 1..255", put("matrix", 0, "name_bytes", 0))
    case("name_too_long", "CORRUPT", at("tensor", 0, "name_bytes"),
         "tensor 0: name_bytes is 256, not in 1..255", put("tensor", 0, "name_bytes", 256))
    case("name_behind_end", "CORRUPT", at("tensor", 1, "name_bytes"),
         "tensor 1: its name ends behind the 6 bytes of names", put("tensor", 1, "name_bytes", 2))
    for suffix, byte in (("continuation", b"\x80"), ("lead", b"\xc3"), ("ff", b"\xff")):
        case(f"name_utf8_{suffix}", "CORRUPT", NAMES + 3,
             f"matrix 1: its name '\\x{byte.hex()}' is not UTF-8", (NAMES + 3, byte))
    for suffix, byte in (("nul", b"\0"), ("escape", b"\x1b"), ("del", b"\x7f")):
        case(f"name_control_{suffix}", "CORRUPT", NAMES,
             f"metadata 0: its name '\\x{byte.hex()}' has a control character", (NAMES, byte))
    case("name_control_c1", "CORRUPT", NAMES + 4,
         "tensor 0: its name '\\xc2\\x9b' has a control character",
         put("tensor", 0, "name_bytes", 2), (NAMES + 4, b"\xc2\x9b"))
    for kind, index, names in (("metadata", 0, "ab"), ("matrix", 2, "mn"), ("tensor", 4, "tu")):
        first, second = names
        case(f"{kind}_order", "CORRUPT", NAMES + index + 1,
             f"{kind} 1: its name '{first}' sorts before '{second}', that of the entry before",
             (NAMES + index, names[::-1].encode()))
        case(f"{kind}_twice", "CORRUPT", NAMES + index + 1,
             f"{kind} 1: its name '{first}' is the same as '{first}', that of the entry before",
             (NAMES + index + 1, first.encode()))
    case("name_of_two_kinds", "CORRUPT", NAMES + 4,
         "tensor 0: its name 'n' is also that of matrix 1", (NAMES + 4, b"n"))


def field_case(name, kind, index, field, value, text, status="CORRUPT", edits=()):
    entry = {"metadata": "ab", "matrix": "mn", "tensor": "tu"}[kind][index]
    case(name, status, at(kind, index, field), f"{kind} '{entry}': {text}",
         put(kind, index, field, value), *edits)


def record_cases():
    last = {"metadata": 31, "matrix": 95, "tensor": 63}
    for kind, entry in (("metadata", "a"), ("matrix", "m"), ("tensor", "t")):
        place = RECORDS[kind][0] + last[kind]
        case(f"{kind}_reserved", "CORRUPT", place,
             f"{kind} '{entry}': a reserved byte of its record is not zero", (place, b"\x80"))
    for kind, entry in (("metadata", "b"), ("matrix", "n"), ("tensor", "u")):
        right = get(kind, 1, "offset")
        for suffix, wrong in (("hole", right + 64), ("overlap", right - 64),
                              ("unaligned", right + 1), ("zero", 0), ("huge", 2**64 - 1)):
            field_case(f"{kind}_offset_{suffix}", kind, 1, "offset", wrong,
                       f"offset is {wrong}, not {right}, where the section before ends")
    value_limit = 1 << 28
    field_case("value_bytes", "metadata", 0, "value_bytes", value_limit + 1,
               f"value_bytes is {value_limit + 1}, not in 0..{value_limit}", "LIMIT")
    offset = get("metadata", 0, "offset")
    case("value_exceeds_file", "CORRUPT", at("metadata", 0, "value_bytes"),
         f"metadata 'a': its {value_limit} bytes at {offset} exceed the file's {SIZE}",
         put("metadata", 0, "value_bytes", value_limit))
    for field in ("rows", "cols"):
        for value, status in ((0, "CORRUPT"), ((1 << 24) + 1, "LIMIT"), (0xFFFFFFFF, "LIMIT")):
            field_case(f"{field}_{value}", "matrix", 0, field, value,
                       f"{field} is {value}, not in 1..16777216", status)
    for bits in (0, 1, 5):
        field_case(f"bits_{bits}", "matrix", 0, "bits", bits, f"bits is {bits}, not in 2..4")
    for wrong in (0, 64, 384, 2**64 - 1):
        field_case(f"matrix_bytes_{wrong}", "matrix", 0, "bytes", wrong,
                   f"bytes is {wrong}, not 320, as its shape requires")
    for field, value, right in (("rows", 17, 1152), ("cols", 512, 768), ("nnz", 0, 128),
                                ("nnz", 0xFFFFFFFF, 17179869376)):
        case(f"matrix_{field}_{value}", "CORRUPT", at("matrix", 0, "bytes"),
             f"matrix 'm': bytes is 320, not {right}, as its shape requires",
             put("matrix", 0, field, value))
    largest = 140738025226240  # 2^24 x 2^24 of 4 bits: 2^47 of codes, 2^29 of LUTs
    offset = get("matrix", 1, "offset")
    case("matrix_exceeds_file", "CORRUPT", at("matrix", 1, "bytes"),
         f"matrix 'n': its {largest} bytes at {offset} exceed the file's {SIZE}",
         put("matrix", 1, "rows", 1 << 24), put("matrix", 1, "cols", 1 << 24),
         put("matrix", 1, "bits", 4), put("matrix", 1, "bytes", largest))
    tensor_record_cases()


def tensor_record_cases():
    for dtype in (0, 4):
        field_case(f"dtype_{dtype}", "tensor", 0, "dtype", dtype, f"dtype is {dtype}, not in 1..3")
    field_case("dimensions", "tensor", 0, "dimensions", 5, "dimensions is 5, not in 0..4")
    shape = at("tensor", 0, "shape")
    case("shape_zero", "CORRUPT", shape + 4,
         "tensor 't': shape[1] is 0 in a tensor of 2 dimensions", (shape + 4, bytes(4)))
    case("shape_unused", "CORRUPT", shape + 12,
         "tensor 't': shape[3] is 1 in a tensor of 2 dimensions", (shape + 12, b"\1"))
    for name, sides, count in (("2_40", [1 << 20, (1 << 20) + 1], (1 << 40) + (1 << 20)),
                               ("2_64", [1 << 31, 1 << 31, 4], 2**64 - 1)):
        case(f"elements_{name}", "LIMIT", shape,
             f"tensor 't': the number of values is {count}, not in 1..1099511627776",
             put("tensor", 0, "dimensions", len(sides)),
             (shape, struct.pack(f"<{len(sides)}I", *sides)))
    for wrong in (0, 12, 64):
        field_case(f"tensor_bytes_{wrong}", "tensor", 0, "bytes", wrong,
                   f"bytes is {wrong}, not 24, as its shape requires")
    offset = get("tensor", 0, "offset")
    case("tensor_exceeds_file", "CORRUPT", at("tensor", 0, "bytes"),
         f"tensor 't': its 4398046511104 bytes at {offset} exceed the file's {SIZE}",
         (shape, struct.pack("<2I", 1 << 20, 1 << 20)), put("tensor", 0, "bytes", 1 << 42))


def section_cases():
    titles = {"a": "metadata 'a'", "t": "tensor 't'", "m": "matrix 'm'"}
    parts = {"a": "its value", "t": "its data"}
    for name in ("a", "m.lut", "m.codes", "m.row_ptr", "m.col", "m.val", "t"):
        entry, _, part = name.partition(".")
        what = part or parts[entry]
        offset, size, crc_at = SECTIONS[name]
        crc_case(f"crc_{name}", offset, f"{titles[entry]}: the CRC-32C of {what}", crc_at,
                 crc32c(GOOD[offset:offset + size]))
        if END[name] % 64 == 0:
            continue
        case(f"padding_{name}", "CORRUPT", END[name],
             f"{titles[entry]}: the padding behind {what} is not zero", (END[name], b"\1"))
    for suffix, value, bad in (("continuation", b"te\x80t", 2), ("cut", b"tex\xc3", 3),
                               ("overlong_2", b"\xc1\xbfxt", 0),
                               ("overlong_3", b"\xe0\x9f\xbft", 0),
                               ("overlong_4", b"\xf0\x8f\xbf\xbf", 0),
                               ("surrogate", b"\xed\xa0\x80t", 0),
                               ("above_10ffff", b"\xf4\x90\x80\x80", 0), ("f5", b"t\xf5xt", 1)):
        case(f"value_utf8_{suffix}", "CORRUPT", BEGIN["a"] + bad,
             f"metadata 'a': byte {bad} of its value is not UTF-8", (BEGIN["a"], value))


def matrix_cases():
    for section, index in (("lut", 31), ("val", 0), ("val", 2)):
        for name, half in (("infinite", 0x7C00), ("minus_infinite", 0xFC00), ("nan", 0x7E01)):
            place = BEGIN[f"m.{section}"] + 2 * index
            case(f"{section}_{index}_{name}", "CORRUPT", place,
                 f"matrix 'm': {section}[{index}] is not finite (fp16 {half:#x})",
                 (place, struct.pack("<H", half)))
    # m: 2 x 3 of 4 bits, rows in fields 0 and 1, columns in slots 0..2.
    # n: 1 x 40 of 3 bits, fields 0 and 1 in bits 0..5, columns 32..39 in slots 0..7 of field 1.
    for name, matrix, byte, value in (("lane", "m", 6, 0x10), ("field", "m", 1, 0x20),
                                      ("last_byte", "m", 63, 0x80), ("lane_3", "n", 16, 0x08),
                                      ("field_3", "n", 1, 0x20), ("spare_low", "n", 0, 0x40),
                                      ("spare_high", "n", 63, 0x80)):
        place = BEGIN[f"{matrix}.codes"] + byte
        case(f"codes_{name}", "CORRUPT", place,
             f"matrix '{matrix}': codes: a bit of tile 0 that stands for no code is not zero",
             (place, bytes([GOOD[place] | value])))
    row_ptr = BEGIN["m.row_ptr"]
    for name, index, values, text in (
            ("first", 0, (1, 2, 3), "is 1, not 0"),
            ("decreasing", 2, (0, 2, 1), "is 1, less than row_ptr[1], 2"),
            ("huge", 1, (0, 2**32 - 1, 3),
             "is 4294967295, which gives row 0 4294967295 nonzeros in 3 columns"),
            ("row_too_full", 2, (0, 0, 4), "is 4, which gives row 1 4 nonzeros in 3 columns"),
            ("last", 2, (0, 2, 2), "is 2, not 3, the number of nonzeros")):
        case(f"row_ptr_{name}", "CORRUPT", row_ptr + 4 * index,
             f"matrix 'm': row_ptr[{index}] {text}", (row_ptr, struct.pack("<3I", *values)))
    col = BEGIN["m.col"]
    for name, index, values, text in (
            ("equal", 1, (2, 2, 1), "is 2, not above the one before in row 0"),
            ("decreasing", 1, (2, 0, 1), "is 0, not above the one before in row 0"),
            ("behind_last", 1, (0, 3, 1), "is 3, behind the last column, in row 0"),
            ("huge", 2, (0, 2, 65535), "is 65535, behind the last column, in row 1")):
        case(f"col_{name}", "CORRUPT", col + 2 * index, f"matrix 'm': col[{index}] {text}",
             (col, struct.pack("<3H", *values)))


def make_files():
    header_cases()
    name_cases()
    record_cases()
    section_cases()
    matrix_cases()
    lines = ["\t".join([name, status, str(offset), text])
             for name, (_, status, offset, text) in CASES.items()]
    files = {f"{name}.densq": data for name, (data, _, _, _) in CASES.items()}
    files["good.densq"] = GOOD
    files["expected.txt"] = ("\n".join(lines) + "\n").encode()
    return files


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    files = make_files()
    if not arguments.check:
        for name, data in files.items():
            (arguments.folder / name).write_bytes(data)
        return 0
    there = {path.name: path.read_bytes() for path in arguments.folder.iterdir()}
    changed = sorted(name for name in files.keys() | there.keys()
                     if files.get(name) != there.get(name))
    if changed:
        print(f"{arguments.folder} differs from what this script writes: {', '.join(changed)}")
    return len(changed) > 0


if __name__ == "__main__":
    raise SystemExit(main())
