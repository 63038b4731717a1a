# SPDX-License-Identifier: MIT
"""The tool as a process, a reader of its files after docs/format.md, what a matrix must be."""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from models import to_floats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "format"))
import make_file  # noqa: E402

DENSQ, STORIES = (Path(argument).resolve() for argument in sys.argv[1:3])
SANITIZED = b"__asan_init" in DENSQ.read_bytes()
TEXTS = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
DTYPES = {1: "F32", 2: "F16", 3: "BF16"}


def run(*arguments, **options):
    return subprocess.run([DENSQ, *map(str, arguments)], capture_output=True, text=True, **options)


def without_notes(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("densq: note: "))


def quantize(model, output, *arguments, gradients=None, **options):
    """Runs to the end, with nothing but notes on stderr; returns what the file holds."""
    weighting = ["--gradients", gradients] if gradients else ["--unweighted"]
    result = run("quantize", "--model", model, "-o", output, *weighting, *arguments, **options)
    assert result.returncode == 0 and without_notes(result.stderr) == "", result
    return read_file(output)


def quantize_in_parts(folder, parts, *arguments):
    """The bytes of the file that is merged of parts "FIRST:END" of a plan, folder/plan.json."""
    plan = folder / "plan.json"
    commands = [["quantize", *arguments, "--plan", plan]]
    files = [folder / f"part-{part.replace(':', '-')}.densq" for part in parts]
    for part, file in zip(parts, files):
        commands.append(["quantize", "--plan", plan, "--layers", part, "-o", file])
    commands.append(["merge", *files, "-o", folder / "merged.densq"])
    for command in commands:
        result = run(*command)
        assert result.returncode == 0, result
    return (folder / "merged.densq").read_bytes()


def check_fails(folder, status, part, *arguments, **options):
    """Twice: into an empty folder, which stays empty, and over a file, which stays as it is."""
    outputs = folder / "outputs"
    outputs.mkdir(exist_ok=True)
    output = outputs / "out.densq"
    for before in ({}, {output: b"before"}):
        for path, data in before.items():
            path.write_bytes(data)
        result = run("quantize", "-o", output, *arguments, **options)
        assert result.returncode == status, result
        assert part in result.stderr and result.stdout == "", result
        assert "\x1b" not in result.stderr
        if status == 1:
            assert result.stderr.startswith("densq: ") and result.stderr.count("\n") == 1, result
        assert {path: path.read_bytes() for path in outputs.iterdir()} == before
    output.unlink()


# A process counts the peak of the one that starts it as its own, so that one must be small.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_bytes(*arguments):
    """The most memory that a run of the tool, which ends well, had at a time."""
    result = subprocess.run([sys.executable, "-c", MEASURE, DENSQ, *map(str, arguments)],
                            check=True, capture_output=True, text=True)
    return 1024 * int(result.stdout)


# ---- Files ----


class Contents:
    def __init__(self):
        self.metadata, self.matrices, self.tensors = {}, {}, {}


def read_file(path):
    """Decodes a file and checks every byte of it: what was decoded gives the same file again."""
    data = Path(path).read_bytes()
    header = make_file.HEADER.unpack_from(data)
    counts, name_bytes = header[4:7], header[7]
    kinds = [make_file.METADATA, make_file.MATRIX, make_file.TENSOR]
    names_at = make_file.HEADER.size + sum(c * kind.size for c, kind in zip(counts, kinds))
    names = data[names_at:names_at + name_bytes]
    contents, at = Contents(), make_file.HEADER.size
    for count, kind in zip(counts, kinds):
        for _ in range(count):
            name_at, name_size, *fields = kind.unpack_from(data, at)
            at += kind.size
            name = names[name_at:name_at + name_size].decode()
            if kind is make_file.METADATA:
                contents.metadata[name] = data[fields[0]:fields[0] + fields[1]].decode()
            elif kind is make_file.MATRIX:
                contents.matrices[name] = read_matrix(data, *fields[:5])
            else:
                shape = tuple(fields[2:2 + fields[1]])
                value = data[fields[6]:fields[6] + fields[7]]
                contents.tensors[name] = make_file.Tensor(DTYPES[fields[0]], shape, value)
    assert make_file.make_file(contents.metadata, contents.matrices, contents.tensors) == data
    return contents


def read_matrix(data, rows, cols, bits, nnz, at):
    def take(dtype, count):
        nonlocal at
        values = np.frombuffer(data, dtype, count, at)
        at += -(-values.nbytes // 64) * 64
        return values

    lut = take("<f2", rows << bits).reshape(rows, 1 << bits)
    codes = decode_codes(take("u1", codes_bytes(rows, cols, bits)), rows, cols, bits)
    sparse = []
    if nnz:
        row_ptr = take("<u4", rows + 1)
        col = take("<u2" if cols <= 65536 else "<u4", nnz)
        val = take("<f2", nnz)
        row = np.repeat(np.arange(rows), np.diff(row_ptr.astype(np.int64)))
        sparse = list(zip(row.tolist(), col.tolist(), val))
    return make_file.Matrix(bits, lut, codes, sparse)


def group_lines(units, bits):
    return min(bits, -(-units // (8 if bits == 2 else 4)))


def codes_bytes(rows, cols, bits):
    total = 0
    for first in range(0, rows, 16):
        tile_rows = min(16, rows - first)
        units = tile_rows * -(-(cols % 512) // 32)
        total += (tile_rows * (cols // 512) + units // 16) * bits + group_lines(units % 16, bits)
    return 64 * total


def matrix_bytes(rows, cols, bits, nnz):
    """The section "Sizes" of docs/format.md."""
    def pad(size):
        return -(-size // 64) * 64

    sparse = pad(4 * (rows + 1)) + pad((2 if cols <= 65536 else 4) * nnz) + pad(2 * nnz)
    return pad(2 * rows << bits) + pad(codes_bytes(rows, cols, bits)) + (sparse if nnz else 0)


def decode_codes(section, rows, cols, bits):
    codes, at = np.zeros((rows, cols), np.int64), 0
    full = cols // 512 * 512
    for first in range(0, rows, 16):
        tile = range(first, min(first + 16, rows))
        places = [(row, col) for block in range(0, full, 512) for row in tile
                  for col in range(block, block + 512, 32)]
        places += [(row, col) for row in tile for col in range(full, cols, 32)]
        for group in range(0, len(places), 16):
            units = places[group:group + 16]
            size = 64 * group_lines(len(units), bits)
            slots = section[at:at + size].view("<u2").reshape(-1, 32).astype(np.int64)
            at += size
            for field, (row, col) in enumerate(units):
                width = min(32, cols - col)
                codes[row, col:col + width] = decode_field(slots, field, bits)[:width]
    assert at == len(section)
    return codes


def decode_field(slots, field, bits):
    if bits == 3 and field >= 12:
        high = 8 * (field % 2)
        low = slots[0 if field < 14 else 2] >> 6 + high & 3
        return low | (slots[1] >> (6 if field < 14 else 7) + high & 1) << 2
    per_line = 8 if bits == 2 else 4
    shift = [0, 3, 8, 11][field % 4] if bits == 3 else bits * (field % per_line)
    return slots[field // per_line] >> shift & (1 << bits) - 1


# ---- What a matrix must be ----


def decode(matrix):
    """The weights that a matrix of a file stands for."""
    values = np.take_along_axis(matrix.lut.astype(np.float64), matrix.codes.astype(int), 1)
    for row, col, value in matrix.sparse:
        values[row, col] += value
    return values


def expected_sparse(weights, gradients, outliers, sensitive):
    """Flat positions; shares in percent."""
    def take(scores, count):
        order = np.argsort(-scores.ravel(), kind="stable")
        chosen.extend(order[~np.isin(order, chosen)][:count].tolist())

    def count_of(share):
        return int(np.floor(share / 100 * weights.size + 0.5))

    chosen, left = [], 0
    if gradients is not None:
        left = count_of(sensitive)
        take(gradients, min(left, np.count_nonzero(gradients)))
    take(np.abs(weights), left - len(chosen) + count_of(outliers))
    return sorted(chosen)


def check_matrix(matrix, weights, gradients=None, bits=4, outliers=0.40, sensitive=0.05):
    weights = to_floats(weights).astype(np.float64)
    gradients = None if gradients is None else to_floats(gradients)
    assert matrix.bits == bits and matrix.codes.shape == weights.shape
    lut = matrix.lut.astype(np.float64)
    assert (np.diff(lut) >= 0).all()
    entry = np.take_along_axis(lut, matrix.codes, 1)
    positions = [row * weights.shape[1] + col for row, col, _ in matrix.sparse]
    assert positions == expected_sparse(weights, gradients, outliers, sensitive)

    nearest = np.abs(lut[:, None, :] - weights[:, :, None]).min(2)
    dense = np.ones(weights.shape, bool)
    dense.ravel()[positions] = False
    assert (np.abs(entry - weights) == nearest)[dense].all()

    for row, col, value in matrix.sparse:
        weight = weights[row, col]
        candidates = lut[row] + (weight - lut[row]).astype(np.float16).astype(np.float64)
        error = abs(entry[row, col] + float(value) - weight)
        assert error == np.abs(candidates - weight).min(), (row, col)
        assert error <= 2.0 ** -11 * nearest[row, col] + 2.0 ** -25, (row, col)


def check_plain(tensor, values):
    dtype = {"float32": "F32", "float16": "F16", "uint16": "BF16"}[values.dtype.name]
    assert (tensor.dtype, tensor.shape, tensor.data) == (dtype, values.shape, values.tobytes())


# ---- Running tests ----


def main(tests):
    """Calls the functions test_*, each with a folder of its own, which is removed afterwards."""
    for name, test in list(tests.items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory(prefix="densq-test-") as folder:
                outcome = test(Path(folder))
            print(f"{name}: {outcome or 'ok'}", flush=True)
