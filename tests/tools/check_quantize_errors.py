# SPDX-License-Identifier: MIT
"""What densq quantize refuses: exit status, message, and that it leaves nothing.

    check_quantize_errors.py DENSQ MODEL_FOLDER
"""
import itertools
import os
import resource
import shutil
import struct
import subprocess

import numpy as np

from models import make_gradients, make_weights, save, save_raw, to_bf16
from support import DENSQ, SANITIZED, STORIES, check_fails, main, quantize, run

NAME = "model.layers.0.up.weight"


def save_model(folder, values=None, **others):
    tensors = {NAME: make_weights(8, 40, 1) if values is None else values, **others}
    save(folder / "m.safetensors", tensors)
    return tensors


def test_wrong_use(folder):
    save_model(folder)
    model = ["--model", folder / "m.safetensors"]
    check_fails(folder, 2, "--model is missing")
    check_fails(folder, 2, "--gradients is missing; without gradients say --unweighted", *model)
    for arguments in (["--bits", 5], ["--bits", 1], ["--bits", "x"], ["--threads", -1],
                      ["--nothing"], ["positional"], ["--outliers"]):
        check_fails(folder, 2, "", "--unweighted", *model, *arguments)
    for text in ("x", "-1%", "100.1%", "nan", "inf%", "1%%", "0.4 per cent", "1e999"):
        check_fails(folder, 2, f"--outliers: '{text}' is no percentage", "--unweighted", *model,
                    f"--outliers={text}")
    check_fails(folder, 2, "--sensitive: '2..' is no percentage", *model, "--gradients",
                folder / "m.safetensors", "--sensitive=2..")
    for text in ("a", "a=", "a=5", "a=22", "a=-2", "=", "a=2=x"):
        check_fails(folder, 2, f"--bits-for: '{text}' is not", "--unweighted", *model,
                    f"--bits-for={text}")
    assert run("quantize", "--unweighted", *model).returncode == 2
    for arguments in ([], ["nothing"], ["quantize"], ["verify"], ["info"], ["--nothing"]):
        result = run(*arguments)
        assert result.returncode == 2 and result.stderr, (arguments, result)


def test_output_is_input(folder):
    tensors = save_model(folder)
    save(folder / "g.safetensors", make_gradients(tensors))
    (folder / "config.json").write_text("{}")
    (folder / "link").symlink_to("m.safetensors")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for output in ("m.safetensors", "g.safetensors", "config.json", "link"):
        result = run("quantize", "--model", folder / "m.safetensors", "--gradients",
                     folder / "g.safetensors", "-o", folder / output)
        assert result.returncode == 2 and "is one of the inputs" in result.stderr, result
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_output_cannot_be(folder):
    save_model(folder)
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "lost").symlink_to("none/out.densq")
    before = sorted(folder.rglob("*"))
    for output, part in [(folder / "none" / "out.densq", "No such file or directory"),
                         (folder / "m.safetensors" / "out.densq", "Not a directory"),
                         (folder / "sub", "is a folder"), (f"{folder}/sub/", "is a folder"),
                         (folder / "pipe", "is a pipe"), ("/dev/null", "is a device"),
                         (folder / "lost", "No such file or directory"),
                         (folder / ("x" * 260), "File name too long"),
                         (folder / ("x" * 250), "File name too long"),
                         ("/proc/out.densq", "/proc/out.densq.partial: cannot create")]:
        result = run("quantize", "--model", folder / "m.safetensors", "--unweighted", "-o", output)
        assert result.returncode == 1 and part in result.stderr, result
        assert sorted(folder.rglob("*")) == before
        if "partial" not in part:  # before the model is opened
            result = run("quantize", "--model", folder / "none", "--unweighted", "-o", output)
            assert result.returncode == 1 and part in result.stderr, result


def test_models_that_are_none(folder):
    for name in ("pytorch_model.bin", "model.pt"):
        (folder / name).write_bytes(b"PK")
        check_fails(folder, 1, "densq-convert FILE OUT.safetensors", "--model", folder / name,
                    "--unweighted")
    check_fails(folder, 1, "no such file", "--model", folder / "none", "--unweighted")
    check_fails(folder, 1, "has none of 'model.safetensors'", "--model", folder, "--unweighted")
    save_model(folder)
    check_fails(folder, 1, "has none of 'gradients.safetensors', 'model.safetensors'", "--model",
                folder / "m.safetensors", "--gradients", folder)
    whole = (STORIES / "model.safetensors").read_bytes()
    for size in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (folder / "cut.safetensors").write_bytes(whole[:size])
        check_fails(folder, 1, "cut.safetensors: ", "--model", folder / "cut.safetensors",
                    "--unweighted")
        check_fails(folder, 1, "cut.safetensors: ", "--model", STORIES, "--gradients",
                    folder / "cut.safetensors")


def test_gradients_that_are_none(folder):
    tensors = save_model(folder)
    good = make_gradients(tensors)[NAME]

    def check(part, gradients):
        save(folder / "g.safetensors", gradients)
        check_fails(folder, 1, part, "--model", folder / "m.safetensors", "--gradients",
                    folder / "g.safetensors")

    check(f"g.safetensors: has no tensor '{NAME}'", {"other": good})
    check("; give gradients of the same model, or --unweighted", {})
    check("shape [40, 8], the model's is [8, 40]", {NAME: good.T.copy()})
    check("shape [320], the model's is [8, 40]", {NAME: good.ravel()})
    check("dtype I32 is none of F64, F32, F16, BF16, F8_E4M3, F8_E5M2",
          {NAME: good.astype(np.int32)})
    kinds = (np.float32, np.float16, to_bf16)
    for value, kind in [*itertools.product((-1, np.nan, np.inf, -np.inf), kinds),
                        (-1e-30, np.float32)]:
        wrong = good.clip(0, 6e4)
        wrong[7, 39] = value
        check(f"tensor '{NAME}', element 319: ", {NAME: kind(wrong)})
    check("looks like weights, not squared gradients", tensors)


def test_weights_that_cannot_be_quantized(folder):
    for value, kind in [*itertools.product((np.nan, np.inf, -np.inf),
                                           (np.float32, np.float16, to_bf16)),
                        (65505, np.float32), (-1e30, to_bf16), (1e300, np.float64)]:
        wrong = make_weights(8, 40, 1).astype(np.float64)
        wrong[3, 2] = value
        save_model(folder, kind(wrong))
        check_fails(folder, 1, f"tensor '{NAME}', element 122: ", "--model",
                    folder / "m.safetensors", "--unweighted")
    save_model(folder, make_weights(8, 40, 1).astype(np.int32))
    check_fails(folder, 1, f"cannot hold tensor '{NAME}'", "--model", folder / "m.safetensors",
                "--unweighted")
    check_fails(folder, 1, "is no matrix of floats", "--model", folder / "m.safetensors",
                "--unweighted", "--include", NAME)
    largest = make_weights(8, 40, 1)
    largest[3, 2], largest[4, 7] = 65504, -65504
    save_model(folder, largest)
    quantize(folder / "m.safetensors", folder / "out.densq")


def test_tensors_that_no_file_can_hold(folder):
    def check(part, name, dtype, shape, size, data=None, *arguments):
        entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}
        save_raw(folder / "m.safetensors", {name: entry}, data or bytes(size))
        check_fails(folder, 1, part, "--model", folder / "m.safetensors", "--unweighted",
                    *arguments)

    check("cannot hold tensor 'a' of dtype I64 and shape [1]; to leave out such tensors: "
          "--drop 'a'", "a", "I64", [1], 8)
    check("cannot hold tensor 'a' of dtype Q4", "a", "Q4", [1], 8)
    check("cannot hold tensor 'x.0.weight' of dtype Q4 and shape [1, 8]; to leave out such "
          "tensors: --drop 'x.*.weight'", "x.0.weight", "Q4", [1, 8], 4)
    check("'a': 8 bytes do not fit its shape [1]", "a", "F4", [1], 8)
    check("element 1: 1e+300 is beyond the range of F32", "a", "F64", [2], 16,
          struct.pack("<dd", 1, 1e300), "--exclude", "a")
    check("of dtype F16 and shape [1, 1, 1, 1, 1]", "a", "F16", [1, 1, 1, 1, 1], 2)
    check("of dtype F16 and shape [0]", "a", "F16", [0], 0)
    check("'x.0.weight': shape [0, 3] is outside the limits", "x.0.weight", "F16", [0, 3], 0)
    check("must have 1 to 255 bytes", "x" * 256, "F16", [1], 2)
    check("must have 1 to 255 bytes", f"x.0.{'x' * 300000}.weight", "F16", [1, 1], 2)
    check("'a\\x0a': its name has a control character", "a\n", "F16", [1], 2)
    check("no list of whole numbers", "a", "F16", [1.5], 2)


def test_a_dimension_beyond_32_bits(folder):
    # A file of 8 GiB, all of it a hole.
    entry = {"dtype": "F16", "shape": [1 << 32], "data_offsets": [0, 1 << 33]}
    save_raw(folder / "m.safetensors", {"a": entry}, b"")
    try:
        with open(folder / "m.safetensors", "r+b") as file:
            file.truncate(file.seek(0, 2) + (1 << 33))
    except OSError:
        return "skipped, no large files here"
    check_fails(folder, 1, "shape [4294967296]", "--model", folder / "m.safetensors",
                "--unweighted")


def test_full_disk(folder):
    save_model(folder, make_weights(512, 512, 1), plain=make_weights(64, 64, 2))
    size = folder / "size.densq"
    quantize(folder / "m.safetensors", size)
    arguments = ["--model", folder / "m.safetensors", "--unweighted"]
    whole = size.stat().st_size
    for limit in (0, 100, whole - 1):
        part = f"needs {whole} bytes, but there is room for {limit}; raise the limit"
        check_fails(folder, 1, part, *arguments,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))


def test_full_tmpfs(folder):
    save_model(folder, make_weights(512, 512, 1))
    script = f"""
        mount -t tmpfs -o size=64k none "{folder}" || exit 77
        echo before > "{folder}/out.densq"
        "$@" -o "{folder}/out.densq"
        test $? = 1 && test "$(ls -A "{folder}")" = out.densq &&
            test "$(cat "{folder}/out.densq")" = before"""
    model = folder.parent / (folder.name + ".safetensors")
    shutil.move(folder / "m.safetensors", model)
    try:
        result = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", DENSQ, "quantize",
             "--model", model, "--unweighted"], capture_output=True, text=True)
    except FileNotFoundError:
        return "skipped, no unshare here"
    finally:
        model.unlink()
    if result.returncode == 77 or "unshare" in result.stderr:
        return "skipped, cannot mount here"
    assert result.returncode == 0 and "; free some or choose " in result.stderr, result


def test_fewer_threads_than_asked_for(folder):
    if SANITIZED:
        return "skipped, AddressSanitizer needs the address space that is limited here"
    save_model(folder, make_weights(16 * 200, 4, 1))
    # The stack of each thread takes 8 of these 800 MiB.
    quantize(folder / "m.safetensors", folder / "out.densq", "--threads", 200,
             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (800 << 20, 800 << 20)))
    quantize(folder / "m.safetensors", folder / "few.densq", "--threads", 1)
    assert (folder / "out.densq").read_bytes() == (folder / "few.densq").read_bytes()


main(globals())
