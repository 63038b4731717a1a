# SPDX-License-Identifier: MIT
"""What the tests of densq-llama share: running the programs, making models, reading densq files."""
import json
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "format"))
import make_file  # noqa: E402

# Bytes as they are, no merges.
BYTE_TOKENIZER = json.dumps({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
                             "model": {"type": "BPE", "vocab": {}, "merges": []}})

KEEP_ALL = ["--exclude", "*", "--unweighted"]  # options of `densq quantize`


def run(*command, text=None):
    return subprocess.run([str(word) for word in command], input=text, capture_output=True,
                          text=True, encoding="utf-8")


def output_of(*command, text=None):
    result = run(*command, text=text)
    assert result.returncode == 0, (command, result.returncode, result.stderr)
    return result.stdout


def backends_of(densq):
    return output_of(densq, "--version").split("backends:")[1].split()


def assert_error(result, *words):
    """The program found fault with its files: one line on stderr that has the words."""
    assert result.returncode == 1, result
    assert result.stderr.startswith("densq-llama: ") and result.stderr.count("\n") == 1, result
    for word in words:
        assert word in result.stderr, (word, result.stderr)
    assert not result.stdout, result


def run_tests(namespace):
    """Runs the functions test_* of a script, each given an empty folder."""
    for name, test in list(namespace.items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as folder:
                test(pathlib.Path(folder))
            print(f"{name}: ok", flush=True)


# ---- Models --------------------------------------------------------------------------------------

def layer_shapes(config):
    """{name: shape} of every tensor of a model."""
    hidden, forward = config["hidden_size"], config["intermediate_size"]
    width = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries = config["num_attention_heads"] * width
    keys = config["num_key_value_heads"] * width
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], hidden),
              "model.norm.weight": (hidden,)}
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        for name, shape in {
            "input_layernorm": (hidden,), "post_attention_layernorm": (hidden,),
            "self_attn.q_proj": (queries, hidden), "self_attn.k_proj": (keys, hidden),
            "self_attn.v_proj": (keys, hidden), "self_attn.o_proj": (hidden, queries),
            "mlp.gate_proj": (forward, hidden), "mlp.up_proj": (forward, hidden),
            "mlp.down_proj": (hidden, forward),
        }.items():
            shapes[f"model.layers.{layer}.{name}.weight"] = shape
    return shapes


def random_tensors(config, seed):
    """Weights that keep activations near 1, some far above the rest, and make attention choose."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in layer_shapes(config).items():
        if len(shape) == 1:
            tensors[name] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
            continue
        gain = 2.0 if "q_proj" in name or "k_proj" in name else 1.0
        spread = 1.0 if "embed" in name else gain / np.sqrt(shape[1])
        tensors[name] = (spread * rng.standard_t(5, shape)).astype(np.float32)
    return tensors


def write_checkpoint(folder, config, tensors, tokenizer=BYTE_TOKENIZER):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    save_file(tensors, str(folder / "model.safetensors"))
    return folder


def quantize(densq, model, output, *options):
    output_of(densq, "quantize", "--model", model, "--quiet", "-o", output, *options)
    return output


# ---- densq files ---------------------------------------------------------------------------------

@dataclass
class Quantized:
    """A matrix of a file: W = table of each row [codes of the row] + sparse."""
    bits: int
    lut: np.ndarray
    codes: np.ndarray
    sparse: np.ndarray

    def codes_looked_up(self, lut):
        return np.take_along_axis(lut, self.codes, axis=1)

    def dense(self):
        return self.codes_looked_up(self.lut) + self.sparse


@dataclass
class DensqFile:
    metadata: dict  # key -> text
    matrices: dict  # name -> Quantized
    tensors: dict  # name -> float64 array


def decode_codes(section, rows, cols, bits):
    """Inverse of make_file.encode_codes."""
    lines = np.frombuffer(section, "<u2").reshape(-1, 32).astype(np.int64)
    blocks, tail_units = cols // 512, -(-(cols % 512) // 32)
    codes = np.empty((rows, cols), np.int64)
    for first in range(0, rows, 16):
        height = min(16, rows - first)
        units = height * (16 * blocks + tail_units)
        left = -(-(units % 16) // (8 if bits == 2 else 4))
        count = units // 16 * bits + min(left, bits)
        groups = np.zeros((-(-units // 16), bits, 32), np.int64)
        groups.reshape(-1, 32)[:count] = lines[:count]
        lines = lines[count:]
        flat = decode_groups(groups, bits).reshape(-1, 32)[:units]
        tile = codes[first:first + height]
        whole = flat[:16 * blocks * height].reshape(blocks, height, 512)
        tile[:, :512 * blocks] = whole.transpose(1, 0, 2).reshape(height, -1)
        tail = flat[16 * blocks * height:].reshape(height, 32 * tail_units)
        tile[:, 512 * blocks:] = tail[:, :cols % 512]
    assert not len(lines)
    return codes


def decode_groups(groups, bits):
    """Lines [groups][bits][32] -> codes [groups][16 fields][32]."""
    fields = []
    for field in range(16):
        if bits == 3 and field >= 12:
            low_line, top_bit = (0, 6) if field < 14 else (2, 7)
            byte = 8 * (field % 2)
            low = groups[:, low_line] >> 6 + byte & 3
            fields.append(low | (groups[:, 1] >> top_bit + byte & 1) << 2)
            continue
        per_line = 16 // bits if bits != 3 else 4
        shift = [0, 3, 8, 11][field % 4] if bits == 3 else bits * (field % per_line)
        fields.append(groups[:, field // per_line] >> shift & (1 << bits) - 1)
    return np.stack(fields, axis=1)


def read_matrix(data, record):
    rows, cols, bits, nnz, at = record[2:7]

    def section(size):
        nonlocal at
        begin, at = at, at + size + -size % make_file.ALIGNMENT
        return data[begin:begin + size]

    lut = np.frombuffer(section(2 * rows << bits), "<f2").reshape(rows, -1).astype(np.float64)
    end = record[6] + record[7]
    sparse = np.zeros((rows, cols))
    if nnz:
        col_type = np.dtype("<u2" if cols <= 65536 else "<u4")
        tail = sum(size + -size % make_file.ALIGNMENT
                   for size in (4 * (rows + 1), col_type.itemsize * nnz, 2 * nnz))
        codes = section(end - tail - at)
        row_ptr = np.frombuffer(section(4 * (rows + 1)), "<u4").astype(np.int64)
        columns = np.frombuffer(section(col_type.itemsize * nnz), col_type)
        values = np.frombuffer(section(2 * nnz), "<f2")
        sparse[np.repeat(np.arange(rows), np.diff(row_ptr)), columns] = values
    else:
        codes = section(end - at)
    assert at == end
    return Quantized(bits, lut, decode_codes(codes, rows, cols, bits), sparse)


def read_tensor(data, record):
    dtype, dimensions, shape, (offset, size) = record[2], record[3], record[4:8], record[8:10]
    raw = data[offset:offset + size]
    if dtype == make_file.DTYPES["BF16"]:
        values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(raw, "<f4" if dtype == make_file.DTYPES["F32"] else "<f2")
    return values.astype(np.float64).reshape(shape[:dimensions])


def read_densq(path):
    data = path.read_bytes()
    header = make_file.HEADER.unpack_from(data)
    assert header[0] == make_file.MAGIC
    counts = header[4:7]
    kinds = (make_file.METADATA, make_file.MATRIX, make_file.TENSOR)
    at = make_file.HEADER.size
    records = []
    for count, kind in zip(counts, kinds):
        records.append([kind.unpack_from(data, at + i * kind.size) for i in range(count)])
        at += count * kind.size

    def named(kind, read):
        return {data[at + record[0]:at + record[0] + record[1]].decode(): read(data, record)
                for record in records[kind]}

    return DensqFile(named(0, lambda data, record: data[record[2]:record[2] + record[3]].decode()),
                     named(1, read_matrix), named(2, read_tensor))
