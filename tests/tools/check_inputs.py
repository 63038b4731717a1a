# SPDX-License-Identifier: MIT
"""What densq quantize makes of the checkpoints that people have, and of files that cannot be read.

    check_inputs.py DENSQ MODEL_FOLDER
"""
import json
import os
import pty
import re
import socket
import subprocess
import time

import numpy as np

from models import from_bf16, make_gradients, make_weights, save, save_raw, save_shards
from processes import read_terminal
from support import (DENSQ, check_fails, check_matrix, main, quantize, read_file, run,
                     without_notes)

NAME = "model.layers.0.up.weight"
E4M3 = np.array([(1 - 2 * (b >> 7)) * (2.0 ** ((b >> 3 & 15) - 10) * (8 + (b & 7)) if b >> 3 & 15
                                       else 2.0 ** -9 * (b & 7)) for b in range(256)], np.float32)


def save_typed(path, tensors):
    """tensors: name -> (dtype, values of that many bytes each)"""
    header, data = {}, b""
    for name, (dtype, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": values.shape,
                        "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    save_raw(path, header, data)


def save_model(folder, config=None, **others):
    folder.mkdir(exist_ok=True)
    save(folder / "model.safetensors", {NAME: make_weights(8, 40, 1), **others})
    if config is not None:
        (folder / "config.json").write_bytes(config)
    return folder


def make_fp8(rows, cols, seed):
    finite = [b for b in range(256) if b & 127 != 127]
    return np.random.default_rng(seed).choice(finite, (rows, cols)).astype(np.uint8)


def quantize_with_note(folder, part, *arguments):
    result = run("quantize", "--model", folder, "-o", folder / "out.densq", "--unweighted",
                 *arguments)
    assert result.returncode == 0 and without_notes(result.stderr) == "", result
    assert result.stderr.count(part) == 1, result
    return read_file(folder / "out.densq")


def test_fp8_in_blocks(folder):
    stored = make_fp8(200, 300, 1)
    scales = np.exp(make_weights(2, 3, 2)) / 1000
    save_typed(folder / "model.safetensors", {
        NAME: ("F8_E4M3", stored), NAME + "_scale_inv": ("F32", scales),
        "model.embed.weight": ("F32", make_weights(3, 4, 1))})
    config = {"model_type": "llama",
              "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
    (folder / "config.json").write_text(json.dumps(config))
    contents = quantize_with_note(folder, f"FP8 weights are multiplied by their scales: "
                                          f"'{NAME}_scale_inv'")
    spread = scales.repeat(128, 0).repeat(128, 1)[:200, :300]
    check_matrix(contents.matrices[NAME], E4M3[stored] * spread, sensitive=0)
    assert contents.tensors.keys() == {"model.embed.weight"}
    assert json.loads(contents.metadata["config.json"]) == {"model_type": "llama"}
    check_scaled_picture(folder, (E4M3[stored] * spread)[150])


def check_scaled_picture(folder, weights):
    """Of row 150: its axis has a number near the largest weight, and none beyond."""
    result = run("info", folder / "out.densq", "--plot", folder / "p.svg", "--model", folder,
                 "--row", 150)
    assert result.returncode == 0, result
    texts = re.findall("<text[^>]*>([^<]*)", (folder / "p.svg").read_text(encoding="utf-8"))
    numbers = [abs(float(text)) for text in texts[texts.index("weight in the original model") + 1:]
               if re.fullmatch(r"-?[\d.]+(e-\d+)?", text)]
    assert 0.5 < max(numbers) / np.abs(weights).max() < 1.1, (numbers, weights)


def test_fp8_by_rows_as_a_plain_tensor(folder):
    stored, scales = make_fp8(5, 6, 1), np.exp(make_weights(5, 1, 2)) / 1000
    save_typed(folder / "model.safetensors", {
        "embed": ("F8_E4M3", stored), "embed_scale": ("F32", scales)})
    (folder / "config.json").write_text('{"quantization_config":{"quant_method":"fbgemm_fp8"}}')
    contents = quantize_with_note(folder, "'embed_scale'", "--exclude", "embed")
    plain = contents.tensors["embed"]
    assert plain.dtype == "BF16" and plain.shape == (5, 6)
    values, expected = from_bf16(np.frombuffer(plain.data, "<u2")), (E4M3[stored] * scales).ravel()
    assert (np.abs(values - expected) <= 2.0 ** -8 * np.abs(expected)).all()


def test_f64(folder):
    weights = make_weights(8, 40, 1).astype(np.float64) / 3
    save(folder / "m.safetensors", {NAME: weights, "plain": weights[0]})
    gradients = {NAME: make_gradients({NAME: weights})[NAME].astype(np.float64)}
    save(folder / "g.safetensors", gradients)
    contents = quantize(folder / "m.safetensors", folder / "out.densq",
                        gradients=folder / "g.safetensors")
    check_matrix(contents.matrices[NAME], weights.astype(np.float32), gradients[NAME])
    plain = contents.tensors["plain"]
    assert (plain.dtype, plain.data) == ("F32", weights[0].astype("<f4").tobytes())


def test_already_quantized(folder):
    save_model(folder, b'{"quantization_config":{"quant_method":"awq","bits":4}}')
    check_fails(folder, 1, "config.json: this checkpoint is already quantized by awq, 4 bits; give "
                           "the model that it was made from", "--model", folder, "--unweighted")


def test_dtypes_that_are_not_used_do_no_harm(folder):
    save_typed(folder / "m.safetensors", {
        NAME: ("F32", make_weights(8, 40, 1)), "table": ("F8_E8M0", np.zeros(3, np.uint8)),
        "other": ("F4", np.zeros(0, np.uint8)), "future": ("X12", np.zeros(3, np.uint8))})
    check_fails(folder, 1, "cannot hold tensor 'future' of dtype X12 and shape [3] and 2 others; "
                           "to leave out such tensors: --drop 'future' --drop 'other' --drop "
                           "'table'", "--model", folder / "m.safetensors", "--unweighted")
    drop = [argument for name in ("table", "other", "future") for argument in ("--drop", name)]
    assert quantize(folder / "m.safetensors", folder / "out.densq", *drop).matrices


def test_texts(folder):
    bom = b"\xef\xbb\xbf"
    save_model(folder, bom + b'{"model_type":"llama"}')
    contents = quantize(folder, folder / "out.densq")
    assert contents.metadata["config.json"] == '{"model_type":"llama"}'
    # Python's json writes these, and transformers of some models.
    python = '{"model_type": "mamba2", "time_step_limit": [0.0, Infinity], "x": [NaN, -Infinity]}'
    save_model(folder, python.encode())
    assert quantize(folder, folder / "out.densq").metadata["config.json"] == python
    (folder / "out.densq").unlink()
    for text, part in [(b'{"name":"caf\xe9"}', "is not UTF-8 at byte 12"),
                       ('{"a":1}'.encode("utf-16"), "is not UTF-8 at byte 0"),
                       (b'{"a":', "is not JSON; download it again"), (b"", "is not JSON"),
                       (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
                        "is a git-lfs pointer, not the file itself; run 'git lfs pull'")]:
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes(text)
            check_fails(folder, 1, f"{name}: {part}", "--model", folder, "--unweighted")
            (folder / name).unlink()


def test_git_lfs_pointers(folder):
    save_shards(folder / "m", {f"model.layers.{i}.weight": make_weights(3, 4, i) for i in (0, 1)},
                2)
    shard = folder / "m" / "model-00002-of-00002.safetensors"
    shard.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n")
    check_fails(folder, 1, "00002.safetensors: is a git-lfs pointer", "--model", folder / "m",
                "--unweighted")


def test_special_files(folder):
    good = save_model(folder / "good")
    pipe, bound = folder / "pipe.safetensors", socket.socket(socket.AF_UNIX)
    os.mkfifo(pipe)
    bound.bind(str(folder / "socket"))
    for special, kind in [(pipe, "is a pipe"), (folder / "socket", "is a socket"),
                          ("/dev/zero", "is a device"), ("/dev/stdin", "")]:
        for arguments in (["--model", special, "--unweighted"],
                          ["--model", good, "--gradients", special]):
            check_fails(folder, 1, kind, *arguments, timeout=20, stdin=subprocess.PIPE)
        for name in ("model.safetensors", "model.safetensors.index.json", "config.json",
                     "tokenizer.json"):
            model = save_model(folder / name)
            if name.startswith("model"):
                (model / "model.safetensors").unlink()
            (model / name).symlink_to(special)
            check_fails(folder, 1, kind, "--model", model, "--unweighted", timeout=20,
                        stdin=subprocess.PIPE)
            (model / name).unlink()
    bound.close()


def test_what_cannot_be_read(folder):
    model = save_model(folder / "m", b"{}")
    user = {"user": 65534} if os.geteuid() == 0 else {}
    outputs = folder / "outputs"
    outputs.mkdir()
    for path, mode in ((folder, 0o755), (model, 0o755), (outputs, 0o777)):
        path.chmod(mode)
    try:
        if run("--version", **user).returncode != 0:
            return "skipped, another user cannot run the tool"
    except PermissionError:
        return "skipped, another user cannot run the tool"

    def check(part, path, mode):
        path.chmod(mode)
        result = run("quantize", "-o", outputs / "out.densq", "--model", model, "--unweighted",
                     **user)
        path.chmod(0o755)
        assert result.returncode == 1 and part in result.stderr, result

    for name in ("config.json", "model.safetensors"):
        check(f"{name}: cannot open: Permission denied", model / name, 0)
    check("cannot be looked at: Permission denied", model, 0)
    (model / "config.json").unlink()
    (model / "config.json").symlink_to("/proc/self/mem")
    check_fails(folder, 1, "config.json: cannot be read: Input/output error", "--model", model,
                "--unweighted")
    (model / "config.json").unlink()
    (model / "config.json").mkdir()
    check_fails(folder, 1, "config.json: is a folder", "--model", model, "--unweighted")
    (model / "config.json").rmdir()
    (model / "config.json").symlink_to("nothing")
    check_fails(folder, 1, "config.json: is a symbolic link to a file that is not there",
                "--model", model, "--unweighted")


def cut_meanwhile(folder, bytes_left, **options):
    """Exit status and what came on stderr, if that is no terminal."""
    model = folder / "m.safetensors"
    save(model, {f"model.layers.{i}.weight": make_weights(1024, 1024, i) for i in range(8)})
    process = subprocess.Popen([DENSQ, "quantize", "--model", model, "--unweighted", "-o",
                                folder / "out.densq", "--threads", "2"],
                               **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE,
                                  **options}, text=True)
    while len(list(folder.iterdir())) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    os.truncate(model, bytes_left if bytes_left > 0 else model.stat().st_size + bytes_left)
    stderr = process.communicate()[1]
    assert not (folder / "out.densq").exists()
    return process.returncode, stderr


def test_an_input_that_is_cut_meanwhile(folder):
    # It is noticed by the signal, or when what was read before is compared with the file.
    message = f"densq: {folder}/m.safetensors: was cut while it was read, "
    status, stderr = cut_meanwhile(folder, 4096)
    assert status == 1 and stderr.startswith(message) and stderr.count("\n") == 1, stderr
    for path in folder.iterdir():
        path.unlink()
    master, slave = pty.openpty()
    assert cut_meanwhile(folder, 4096, stderr=slave) == (1, None)
    os.close(slave)
    shown = read_terminal(master)
    assert shown.rpartition("\r\x1b[K")[2].startswith(message), shown


def test_an_input_that_is_cut_by_a_byte(folder):
    # The last page is still there, with zeros.
    status, stderr = cut_meanwhile(folder, -1)
    assert status == 1 and "m.safetensors: was cut while it was read, to " in stderr, stderr


def test_many_tensors(folder):
    # What took time with the square of their number took 17 seconds.
    count = 20000
    save_raw(folder / "m.safetensors",
             {f"model.layers.{i % 50}.experts.{i}.w": {"dtype": "F16", "shape": [2, 2],
                                                       "data_offsets": [8 * i, 8 * i + 8]}
              for i in range(count)}, bytes(8 * count))
    begin = time.monotonic()
    quantize(folder / "m.safetensors", folder / "out.densq", "--drop", "*")
    assert time.monotonic() - begin < 5
    save_shards(folder / "shards", {f"model.layers.{i}.w": make_weights(1, 1, i)
                                    for i in range(7000)}, 70)
    begin = time.monotonic()
    quantize(folder / "shards", folder / "out.densq", "--drop", "*")
    assert time.monotonic() - begin < 5


main(globals())
