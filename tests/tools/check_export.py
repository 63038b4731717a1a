# SPDX-License-Identifier: MIT
"""densq export, driven as a process: what is in the folder that it makes.

    check_export.py DENSQ MODEL_FOLDER
"""
import json
import signal
import struct
import subprocess
import time

import numpy as np
import safetensors

from models import from_bf16, load, make_weights, save
from support import (DENSQ, SANITIZED, STORIES, TEXTS, main, make_file, peak_bytes, quantize, run)

SHARD = "model-{:05}-of-{:05}.safetensors".format


def make_matrix(rows, cols, seed, bits=4, nonzeros=3):
    random = np.random.default_rng(seed)
    lut = np.sort(random.standard_normal((rows, 1 << bits)), 1).astype(np.float16)
    places = np.sort(random.choice(rows * cols, nonzeros, replace=False))
    values = random.standard_normal(nonzeros).astype(np.float16)
    sparse = [(int(place) // cols, int(place) % cols, value)
              for place, value in zip(places, values)]
    return make_file.Matrix(bits, lut, random.integers(0, 1 << bits, (rows, cols)), sparse)


def decode(matrix):
    weights = np.take_along_axis(matrix.lut.astype(np.float32), matrix.codes, 1)
    for row, col, value in matrix.sparse:
        weights[row, col] += np.float32(value)
    return weights


def nearest_bf16(values):
    """To nearest, ties to even, as 16-bit patterns."""
    bits = values.astype("<f4").view("<u4").astype(np.uint64)
    return (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype("<u2")


def plain(values):
    dtype = {"float32": "F32", "float16": "F16", "uint16": "BF16"}[values.dtype.name]
    return make_file.Tensor(dtype, values.shape, values.tobytes())


def write(folder, matrices, tensors=None, metadata=None):
    path = folder / "in.densq"
    path.write_bytes(make_file.make_file(metadata or {}, matrices, tensors or {}))
    return path


def export(file, folder, *arguments, stderr=""):
    """What the weights in the folder are."""
    result = run("export", file, folder, *arguments)
    assert result.returncode == 0 and result.stderr == stderr, result
    assert not folder.with_name(folder.name + ".partial").exists()
    return load_folder(folder)


def load_folder(folder):
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return load_strictly(folder / "model.safetensors")
    index = json.loads(index.read_text(encoding="utf-8"))
    tensors = {}
    for shard in sorted(set(index["weight_map"].values())):
        part = load_strictly(folder / shard)
        assert all(index["weight_map"][name] == shard for name in part)
        assert not part.keys() & tensors.keys()
        tensors.update(part)
    assert tensors.keys() == index["weight_map"].keys()
    assert index["metadata"]["total_size"] == sum(values.nbytes for values in tensors.values())
    return tensors


def load_strictly(path):
    """As the reference opens it, which checks the whole header; values are aligned."""
    tensors = load(path)
    with safetensors.safe_open(path, "np") as opened:
        assert opened.keys() == sorted(tensors) and opened.metadata() == {"format": "pt"}
    data = path.read_bytes()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    assert size % 8 == 0
    for entry in header.values():
        assert entry["data_offsets"][0] % {"F32": 4, "F16": 2, "BF16": 2}[entry["dtype"]] == 0
    return tensors


def same(found, wanted):
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype and found[name].shape == values.shape, name
        assert found[name].tobytes() == values.tobytes(), name


def refused(file, folder, *arguments):
    """The message; nothing is there afterwards."""
    before = sorted(file.parent.iterdir())
    result = run("export", file, folder, *arguments)
    assert result.returncode == 1 and result.stdout == "", result
    assert sorted(file.parent.iterdir()) == before
    return result.stderr


def test_stories_model(folder):
    contents = quantize(STORIES, folder / "m.densq", "--bits", 3, gradients=STORIES)
    model = load(STORIES / "model.safetensors")
    decoded = {name: decode(matrix) for name, matrix in contents.matrices.items()}
    kept = {name: model[name] for name in contents.tensors}

    same(export(folder / "m.densq", folder / "usual"),
         {**{name: values.astype(np.float16) for name, values in decoded.items()}, **kept})
    for text in TEXTS:
        assert (folder / "usual" / text).read_bytes() == (STORIES / text).read_bytes()
    assert len(list((folder / "usual").iterdir())) == len(TEXTS) + 1

    floats = {**decoded, **{name: values.astype(np.float32) for name, values in kept.items()}}
    same(export(folder / "m.densq", folder / "f32", "--dtype", "f32"), floats)
    same(export(folder / "m.densq", folder / "bf16", "--dtype", "BF16"),
         {name: nearest_bf16(values) for name, values in floats.items()})
    for dtype, stated in (("f32", "float32"), ("bf16", "bfloat16")):
        config = (STORIES / "config.json").read_text().replace('"float16"', f'"{stated}"')
        assert (folder / dtype / "config.json").read_text() == config


def test_quantizing_again_loses_nothing(folder):
    """Rows of 16 values have 16 centroids."""
    dense = ["--outliers", "0%"]
    once = quantize(STORIES, folder / "once.densq", *dense)
    export(folder / "once.densq", folder / "model")
    again = quantize(folder / "model", folder / "again.densq", *dense)
    same({name: decode(matrix) for name, matrix in again.matrices.items()},
         {name: decode(matrix) for name, matrix in once.matrices.items()})
    assert again.metadata == once.metadata and again.tensors == once.tensors


def test_shards(folder):
    matrices = {f"layers.{i}.up.weight": make_matrix(10, 40 + i, i) for i in range(9)}
    tensors = {"layers.3.norm": plain(np.arange(40, dtype=np.float32)),
               "odd": plain(np.arange(3, dtype=np.float16)), "scalar": plain(np.float16(2))}
    file = write(folder, matrices, tensors, {"config.json": '{"dtype": "bfloat16"}'})
    wanted = {**{name: nearest_bf16(decode(matrix)) for name, matrix in matrices.items()},
              "layers.3.norm": np.arange(40, dtype="<f4"), "odd": np.arange(3, dtype="<f2"),
              "scalar": np.array(2, "<f2")}
    same(export(file, folder / "one"), wanted)
    same(export(file, folder / "some", "--shard-size", "2kB"), wanted)
    shards = sorted((folder / "some").glob("model-*"))
    assert [shard.name for shard in shards] == [SHARD(i + 1, 5) for i in range(5)]
    assert all(sum(v.nbytes for v in load(shard).values()) <= 2000 for shard in shards)
    same(export(file, folder / "each", "--shard-size", "1"), wanted)
    assert len(list((folder / "each").glob("model-*"))) == len(wanted)


def test_fused_experts(folder):
    matrices = {f"m.{kind}.{i}": make_matrix(rows, cols, 10 * i + rows)
                for kind, rows, cols in (("in", 33, 17), ("out", 17, 600), ("own", 4, 4))
                for i in range(12)}
    slices = {"m.in": {"slices": 12, "transposed": True},
              "m.out": {"slices": 12, "transposed": False}}
    file = write(folder, matrices, {}, {"densq.slices": json.dumps(slices)})
    result = run("export", file, folder / "out")
    assert result.returncode == 0 and "no config.json" in result.stderr, result
    wanted = {name: decode(matrix) for name, matrix in matrices.items() if ".own." in name}
    for name, transposed in (("m.in", True), ("m.out", False)):
        experts = [decode(matrices[f"{name}.{i}"]) for i in range(12)]
        wanted[name] = np.stack([e.T if transposed else e for e in experts])
    same(load_folder(folder / "out"), wanted)


def test_slices_that_do_not_fit_are_refused(folder):
    matrices = {"m.0": make_matrix(3, 4, 1), "m.1": make_matrix(3, 5, 2), "n": make_matrix(2, 2, 3)}
    for slices, word in (({"m": {"slices": 2, "transposed": True}}, "'m.1' has another shape"),
                         ({"m": {"slices": 2 ** 63, "transposed": False}}, "'m.1' has another"),
                         ({"k": {"slices": 1, "transposed": False}}, "'k.0' is missing"),
                         ({"n": {"slices": 0, "transposed": False}}, "'n' has no slices"),
                         ({"n": {"slices": -1, "transposed": False}}, "slices is no whole number"),
                         ({"n": {"slices": 1}}, "'transposed' not found"), ([], "it is no object"),
                         ({"n": 5}, "densq.slices"), ("[" * 100_000, "nested too deeply"),
                         ("{", "it is no JSON")):
        text = slices if isinstance(slices, str) else json.dumps(slices)
        message = refused(write(folder, matrices, {}, {"densq.slices": text}), folder / "out")
        assert word in message and message.startswith(f"densq: {folder}/in.densq: "), message
    matrices["n.0"] = make_matrix(2, 2, 4)
    slices = {"n": {"slices": 1, "transposed": False}}
    file = write(folder, matrices, {}, {"densq.slices": json.dumps(slices)})
    assert "'n' is in the file and in" in refused(file, folder / "out")


def test_values_too_large_for_f16_are_refused(folder):
    matrix = make_matrix(2, 40, 1)
    matrix.lut[1, :] = 65504
    matrix.sparse = [(1, 7, np.float16(15))]
    file = write(folder, {"a.weight": matrix}, {}, {"config.json": '{"torch_dtype": "float16"}'})
    same(export(file, folder / "rounded"), {"a.weight": decode(matrix).astype(np.float16)})
    matrix.sparse = [(1, 7, np.float16(16))]
    file = write(folder, {"a.weight": matrix}, {}, {"config.json": '{"torch_dtype": "float16"}'})
    message = refused(file, folder / "out")
    assert "'a.weight'" in message and "65520" in message and "BF16 or F32" in message, message
    same(export(file, folder / "bf16", "--dtype", "bf16"),
         {"a.weight": nearest_bf16(decode(matrix))})

    special = np.array([np.inf, -np.inf, 3e38, 0.0], np.float32)
    file = write(folder, {}, {"t": plain(special)}, {"config.json": "{}"})
    same(export(file, folder / "special"), {"t": special})
    same(export(file, folder / "special16", "--dtype", "BF16"), {"t": nearest_bf16(special)})
    assert "'t'" in refused(file, folder / "out", "--dtype", "F16")
    large = from_bf16(np.array([0x7F7F], "<u2")) * np.float32(1.003)
    file = write(folder, {}, {"t": plain(large)})
    message = refused(file, folder / "out", "--dtype", "BF16")
    assert "too large for BF16" in message and message.endswith("with --dtype F32\n"), message


def test_plain_tensors_keep_every_bit(folder):
    tensors = {"nan": np.array([0x7F800001, 0xFFC12345], "<u4").view("<f4"),
               "half": np.array([0x7C01, 0x8000], "<u2").view("<f2"),
               "four": np.arange(24, dtype="<u2").reshape(1, 2, 3, 4)}
    file = write(folder, {}, {name: plain(values) for name, values in tensors.items()},
                 {"config.json": '{"dtype": "float32"}'})
    same(export(file, folder / "out"), tensors)


def test_texts_are_written_back(folder):
    texts = {"config.json": "{}", "chat_template.jinja": "{{ 'ä\r\n\t' }}", "vocab.txt": "",
             "modeling my model.py": "pass\n", "densq.tool": "densq 0", "densq.other": "x"}
    file = write(folder, {}, {}, texts)
    export(file, folder / "out")
    found = {path.name: path.read_bytes().decode() for path in (folder / "out").iterdir()}
    assert found.pop("model.safetensors")
    assert found == {key: text for key, text in texts.items() if not key.startswith("densq.")}
    for key in ("../x", "a/b", "/etc/x", ".bashrc", "..", ".", "a\\b", "model.safetensors"):
        message = refused(write(folder, {}, {}, {key: "text"}), folder / "new")
        assert f"metadata entry '{key}'" in message, message
    shards = {"a": make_matrix(2, 2, 1, nonzeros=0), "b": make_matrix(2, 2, 2, nonzeros=0)}
    for key in (SHARD(1, 2), "model.safetensors.index.json"):
        message = refused(write(folder, shards, {}, {key: "text"}), folder / "new",
                          "--shard-size", "1")
        assert f"metadata entry '{key}'" in message, message
    message = refused(write(folder, {}, {"__metadata__": plain(np.float32(1))}), folder / "new")
    assert "__metadata__" in message, message


def test_config(folder):
    matrices = {"a": make_matrix(2, 2, 1)}
    left_out = ("densq: warning: config.json is written without its quantization_config: weights "
                "are not quantized\n")
    broken = "densq: warning: config.json is written as it is: no JSON object: {} at byte {}\n"
    for config, wanted, stderr in (
            ('{\n  "limit": [0.0, Infinity],\n  "dtype": "float16"\n}',
             '{\n  "limit": [0.0, Infinity],\n  "dtype": "float32"\n}', ""),
            ('{"a":NaN}', '{\n  "torch_dtype": "float32","a":NaN}', ""),
            ("{ }\n", '{\n  "torch_dtype": "float32" }\n', ""),
            ('{"torch_dtype":null , "text_config": {"dtype":"bfloat16","x":{"dtype":"float16"}}}',
             '{"torch_dtype":"float32" , "text_config": {"dtype":"float32",'
             '"x":{"dtype":"float16"}}}', ""),
            ('{"a": "\\"}", "quantization_config": {"b": [1, "]"]}, "dtype": "float16"}',
             '{"a": "\\"}", "dtype": "float32"}', left_out),
            ('{"dtype": "float16", "quantization_config": {"q": 1}}', '{"dtype": "float32"}',
             left_out),
            ("[]", "[]", broken.format("'{' is missing", 0)),
            ('{"a": "b', '{"a": "b', broken.format("a string does not end", 8)),
            ('{"a": 1} x', '{"a": 1} x', broken.format("something follows it", 9))):
        file = write(folder, matrices, {}, {"config.json": config})
        out = folder / f"out{len(list(folder.iterdir()))}"
        same(export(file, out, "--dtype", "F32", stderr=stderr), {"a": decode(matrices["a"])})
        assert (out / "config.json").read_text() == wanted, (config, wanted)
    file = write(folder, matrices, {}, {"config.json": '{"text_config":{"torch_dtype":"float16"}}'})
    same(export(file, folder / "nested"), {"a": decode(matrices["a"]).astype(np.float16)})


def test_what_was_left_out_is_said(folder):
    choice = [{"group": "vision tower", "kept": "left out", "why": "--drop\n'v*'", "tensors": 7,
               "weights": 70, "bytes": 140},
              {"group": "norms", "kept": "plain", "why": "vectors", "tensors": 2, "weights": 2,
               "bytes": 4}]
    file = write(folder, {}, {}, {"config.json": "{}", "densq.choice": json.dumps(choice)})
    export(file, folder / "out", stderr="densq: warning: 7 tensors of the model are not in the "
           "file (vision tower: --drop\\x0a'v*')\n")


def test_where_the_folder_goes(folder):
    file = write(folder, {"a": make_matrix(2, 2, 1)}, {}, {"config.json": "{}"})
    (folder / "empty").mkdir()
    export(file, folder / "empty")
    message = refused(file, folder / "empty")
    assert "is no empty folder" in message and message.count("empty: ") == 1, message
    assert "no such folder" in refused(file, folder / "missing" / "out")
    assert "is no empty folder" in refused(file, file)
    (folder / "late.partial").mkdir()
    message = refused(file, folder / "late")
    assert "late.partial" in message and "remove it" in message, message
    (folder / "link").symlink_to("linked")
    (folder / "linked").mkdir()
    export(file, folder / "link")
    assert (folder / "link").is_symlink() and (folder / "linked" / "config.json").exists()
    assert run("export", file, f"{folder}/slash/", "--quiet").stdout == ""
    assert (folder / "slash" / "config.json").exists()
    assert run("export", file, "here", cwd=folder).returncode == 0
    assert (folder / "here" / "config.json").exists()


def test_damaged_files_are_refused(folder):
    file = write(folder, {"a": make_matrix(2, 40, 1)})
    data = bytearray(file.read_bytes())
    data[-64] ^= 1
    file.write_bytes(data)
    assert "CRC" in refused(file, folder / "out")


def save_layers(path, count):
    save(path, {f"layers.{i}.weight": make_weights(1024, 1024, i) for i in range(count)})


def test_signals_leave_nothing(folder):
    save_layers(folder / "m.safetensors", 24)
    file = folder / "m.densq"
    quantize(folder / "m.safetensors", file, "--exclude", "*")
    for number in (signal.SIGINT, signal.SIGTERM):
        before = sorted(folder.iterdir())
        process = subprocess.Popen([DENSQ, "export", file, folder / "out", "--dtype", "F16"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not (folder / "out.partial").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.001)
        process.send_signal(number)
        stdout, stderr = process.communicate()
        assert process.returncode == 128 + number and stdout == "", (process.returncode, stderr)
        assert stderr.endswith("densq: interrupted; no output was left\n"), stderr
        assert sorted(folder.iterdir()) == before


def test_memory_is_that_of_one_matrix(folder):
    if SANITIZED:
        return "skipped, AddressSanitizer holds back what is freed"
    # Seven layers more add 28 MiB to what is written, and 4 MiB to the file, which is mapped.
    peaks = {}
    for count in (1, 8):
        save_layers(folder / "m.safetensors", count)
        quantize(folder / "m.safetensors", folder / f"{count}.densq")
        peaks[count] = peak_bytes("export", folder / f"{count}.densq", folder / f"out{count}")
    assert peaks[8] - peaks[1] < 8 << 20, peaks
    assert peaks[1] < 16 << 20, peaks


main(globals())
