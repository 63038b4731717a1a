# SPDX-License-Identifier: MIT
"""densq quantize, driven as a process: what it writes, decoded after docs/format.md alone.

    check_quantize.py DENSQ MODEL_FOLDER
"""
import json
import shutil

import numpy as np

from models import load, make_gradients, make_weights, save, save_raw, save_shards, to_bf16
from support import (STORIES, TEXTS, check_matrix, check_plain, decode, main, matrix_bytes,
                     quantize, read_file, run, without_notes)


def made_up_model():
    return {
        "model.embed_tokens.weight": make_weights(20, 40, 1),
        "model.layers.0.up.weight": make_weights(33, 545, 2),
        "model.layers.0.down.weight": make_weights(16, 40, 3).astype(np.float16),
        "model.layers.1.up.weight": to_bf16(make_weights(5, 1024, 4)),
        "model.layers.1.down.weight": make_weights(1, 1, 5),
        "model.layers.1.norm.weight": make_weights(1, 40, 6)[0].astype(np.float16),
        "model.norm.weight": to_bf16(make_weights(1, 40, 7)),
        "a.scalar": np.array(3.5, np.float32),
        "a.nan": np.array([[[[np.nan, np.inf]]]], np.float32),
    }


def linear(model):
    return {name: values for name, values in model.items() if ".layers." in name
            and "norm" not in name}


def check_contents(contents, model, gradients=None, **how):
    matrices = linear(model)
    assert contents.matrices.keys() == matrices.keys()
    assert contents.tensors.keys() == model.keys() - matrices.keys()
    for name, values in matrices.items():
        check_matrix(contents.matrices[name], values, gradients and gradients[name], **how)
    for name, tensor in contents.tensors.items():
        check_plain(tensor, model[name])


def test_made_up_model(folder):
    model = made_up_model()
    gradients = make_gradients(linear(model))
    save(folder / "m.safetensors", model)
    save(folder / "g.safetensors", gradients)
    for bits in (2, 3, 4):
        contents = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", bits,
                            gradients=folder / "g.safetensors")
        check_contents(contents, model, gradients, bits=bits)
        assert contents.metadata.keys() == {"densq.tool", "densq.options", "densq.choice"}
    contents = quantize(folder / "m.safetensors", folder / "out.densq", "--outliers", "7%",
                        "--sensitive", "2.5", gradients=folder / "g.safetensors")
    check_contents(contents, model, gradients, outliers=7, sensitive=2.5)
    contents = quantize(folder / "m.safetensors", folder / "out.densq", "--outliers", "60%",
                        "--sensitive", "50 %", gradients=folder / "g.safetensors")
    assert all(len(m.sparse) == m.codes.size for m in contents.matrices.values())


def test_stories_model(folder):
    model = load(STORIES / "model.safetensors")
    gradients = load(STORIES / "gradients.safetensors")
    for bits in (2, 3, 4):
        contents = quantize(STORIES, folder / "out.densq", "--bits", bits, gradients=STORIES)
        check_contents(contents, model, gradients, bits=bits)
        for text in TEXTS:
            assert contents.metadata.pop(text).encode() == (STORIES / text).read_bytes()
        assert json.loads(contents.metadata.pop("densq.options")) == {
            "bits": bits, "outliers": "0.40%", "sensitive": "0.05%", "weighted": True}
        assert contents.metadata.pop("densq.tool") == run("--version").stdout.split(",")[0]
        choice = json.loads(contents.metadata.pop("densq.choice"))
        assert [(group["kept"], group["tensors"]) for group in choice] == [
            ("quantized", 28), ("plain", 1), ("plain", 9)]
        assert sum(group["weights"] for group in choice) == sum(v.size for v in model.values())
        assert not contents.metadata


def test_verify_and_info(folder):
    path = folder / "out.densq"
    contents = quantize(STORIES, path, "--bits", 3, gradients=STORIES)
    verified = run("verify", path)
    count = len(contents.matrices)
    assert verified.returncode == 0, verified
    assert f"{path}: whole; {count} matrices" in verified.stdout, verified

    info = json.loads(run("info", path, "--json").stdout)
    sizes = {name: matrix_bytes(*matrix.codes.shape, matrix.bits, len(matrix.sparse))
             for name, matrix in contents.matrices.items()}
    for entry in info["matrices"]:
        matrix = contents.matrices[entry["name"]]
        assert (entry["rows"], entry["cols"]) == matrix.codes.shape
        assert (entry["bits"], entry["nnz"]) == (3, len(matrix.sparse))
        assert entry["bytes"] == sizes[entry["name"]]
        assert abs(entry["bits_per_weight"] - 8 * entry["bytes"] / matrix.codes.size) < 1e-9
    assert [entry["name"] for entry in info["matrices"]] == sorted(contents.matrices)
    assert {entry["name"]: (entry["dtype"], tuple(entry["shape"]), entry["bytes"])
            for entry in info["tensors"]} == {
        name: (tensor.dtype, tensor.shape, len(tensor.data))
        for name, tensor in contents.tensors.items()}
    assert {entry["key"]: entry["bytes"] for entry in info["metadata"]} == {
        key: len(text.encode()) for key, text in contents.metadata.items()}
    weights = sum(matrix.codes.size for matrix in contents.matrices.values())
    totals = info["totals"]
    assert abs(totals.pop("bits_per_weight") - 8 * sum(sizes.values()) / weights) < 1e-9
    assert totals == {
        "weights": weights,
        "nnz": sum(len(matrix.sparse) for matrix in contents.matrices.values()),
        "matrix_bytes": sum(sizes.values()),
        "tensor_bytes": sum(len(tensor.data) for tensor in contents.tensors.values()),
        "metadata_bytes": sum(len(text.encode()) for text in contents.metadata.values()),
        "file_bytes": path.stat().st_size,
    }
    table = run("info", path, "--all").stdout
    assert f"{count} matrices: {weights} weights" in table
    assert f"file: {path.stat().st_size} bytes" in table

    damaged = bytearray(path.read_bytes())
    damaged[-200] ^= 1
    path.write_bytes(damaged)
    verified = run("verify", path)
    assert verified.returncode == 1 and "(at byte" in verified.stderr, verified


def test_choice_of_tensors(folder):
    model = made_up_model()
    save(folder / "m.safetensors", model)

    def choose(*arguments):
        contents = quantize(folder / "m.safetensors", folder / "out.densq", *arguments)
        return ({name: matrix.bits for name, matrix in contents.matrices.items()},
                set(contents.tensors), json.loads(contents.metadata["densq.options"]))

    names = {"up0": "model.layers.0.up.weight", "up1": "model.layers.1.up.weight",
             "down0": "model.layers.0.down.weight", "down1": "model.layers.1.down.weight"}
    matrices, plain, options = choose("--exclude", "*.down.*", "--bits", "2")
    assert matrices == {names["up0"]: 2, names["up1"]: 2}
    assert plain == model.keys() - matrices.keys() and options["weighted"] is False
    matrices, plain, options = choose("--include", "*embed*", "--include", "*.1.down.*",
                                      "--bits-for", "*.0.*=3", "--bits-for", "*.0.up.*=2",
                                      "--exclude", "*norm*", "--drop", "a.*", "--drop", "*.1.up.*")
    assert matrices == {"model.embed_tokens.weight": 4, names["down1"]: 4, names["down0"]: 3,
                        names["up0"]: 2}
    assert plain == {"model.layers.1.norm.weight", "model.norm.weight"}
    assert options["bits_for"] == ["*.0.*=3", "*.0.up.*=2"]
    assert options["include"] == ["*embed*", "*.1.down.*"] and options["exclude"] == ["*norm*"]
    assert options["drop"] == ["a.*", "*.1.up.*"]
    matrices, plain, _ = choose("--drop", "*")
    assert not matrices and not plain


def test_tensors_of_other_kinds_can_be_dropped(folder):
    entry = {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}
    many = {"dtype": "F16", "shape": [1, 1, 1, 1, 1], "data_offsets": [16, 18]}
    empty = {"dtype": "F16", "shape": [0], "data_offsets": [18, 18]}
    save_raw(folder / "m.safetensors", {"i": entry, "m": many, "e": empty, "x" * 300: empty},
             bytes(18))
    contents = quantize(folder / "m.safetensors", folder / "out.densq", "--drop", "[iem]",
                        "--drop", "x*")
    assert not contents.tensors
    assert json.loads(contents.metadata["densq.choice"])[0]["kept"] == "left out"


def test_shards(folder):
    model = made_up_model()
    gradients = make_gradients(linear(model))
    save_shards(folder / "model", model, 3)
    save_shards(folder / "gradients", gradients, 2, "gradients")
    (folder / "model" / "config.json").write_text('{"ä": 1}\n', encoding="utf-8")
    contents = quantize(folder / "model", folder / "out.densq", gradients=folder / "gradients")
    check_contents(contents, model, gradients)
    assert contents.metadata["config.json"] == '{"ä": 1}\n'
    save(folder / "m.safetensors", model)
    save(folder / "g.safetensors", gradients)
    quantize(folder / "m.safetensors", folder / "single.densq", gradients=folder / "g.safetensors")
    single = read_file(folder / "single.densq")
    assert all((single.matrices[name].codes == matrix.codes).all()
               for name, matrix in contents.matrices.items())


def test_gradients_as_squeezellm_writes_them(folder):
    # A whole model, whose linear layers hold squared gradients and the rest ordinary weights.
    model = made_up_model()
    gradients = make_gradients(linear(model))
    (folder / "gradients").mkdir()
    save(folder / "gradients" / "model.safetensors", {**model, **gradients})
    save(folder / "m.safetensors", model)
    contents = quantize(folder / "m.safetensors", folder / "out.densq",
                        gradients=folder / "gradients")
    check_contents(contents, model, gradients)
    halves = {name: values.clip(0, 6e4).astype(np.float16) for name, values in gradients.items()}
    save(folder / "h.safetensors", halves)
    contents = quantize(folder / "m.safetensors", folder / "out.densq",
                        gradients=folder / "h.safetensors")
    check_contents(contents, model, halves)


def test_unweighted(folder):
    model = made_up_model()
    save(folder / "m.safetensors", model)
    contents = quantize(folder / "m.safetensors", folder / "out.densq", "--sensitive", "50%")
    check_contents(contents, model)
    assert json.loads(contents.metadata["densq.options"]) == {
        "bits": 4, "outliers": "0.40%", "sensitive": "0%", "weighted": False}


def test_the_sparse_part_by_error(folder):
    name = "model.layers.0.up.weight"
    model = {name: made_up_model()[name]}
    gradients = make_gradients(model)
    save(folder / "m.safetensors", model)
    save(folder / "g.safetensors", gradients)

    def quantize_by(*options):
        contents = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", 2, *options,
                            gradients=folder / "g.safetensors")
        matrix = contents.matrices[name]
        damage = (gradients[name] * (decode(matrix) - model[name]) ** 2).sum()
        return matrix.sparse, damage, json.loads(contents.metadata["densq.options"])

    paper, paper_damage, options = quantize_by()
    assert "select" not in options
    assert quantize_by("--select", "magnitude")[0] == paper
    better, damage, options = quantize_by("--select", "error")
    assert len(better) == len(paper) and damage < 0.95 * paper_damage, (damage, paper_damage)
    assert options["select"] == "error"


def test_gradients_of_zero_warn(folder):
    model = made_up_model()
    gradients = make_gradients(linear(model))
    name = "model.layers.0.up.weight"
    gradients[name][:] = 0
    gradients["model.layers.1.up.weight"][3:] = 0  # some rows only: no warning
    save(folder / "m.safetensors", model)
    save(folder / "g.safetensors", gradients)
    result = run("quantize", "--model", folder / "m.safetensors", "--gradients",
                 folder / "g.safetensors", "-o", folder / "out.densq")
    assert result.returncode == 0, result
    assert (f"densq: note: the gradients of '{name}' are all zero: every weight counts the "
            "same\n") in result.stderr, result
    check_contents(read_file(folder / "out.densq"), model, gradients)


def test_what_numbers_cost_is_said_once_for_the_model(folder):
    model = made_up_model()
    gradients = make_gradients(linear(model))
    up, down = "model.layers.0.up.weight", "model.layers.0.down.weight"
    model[up][[2, 5]] *= 5e-6
    model["model.layers.1.down.weight"][:] = 1e-8
    for name in (up, down):  # too small for F16
        gradients[name][:9, :] = np.where(gradients[name][:9, :] < 20, 0, gradients[name][:9, :])
    save(folder / "m.safetensors", model)
    save(folder / "g.safetensors", gradients)
    result = run("quantize", "--model", folder / "m.safetensors", "--gradients",
                 folder / "g.safetensors", "-o", folder / "out.densq")
    assert result.returncode == 0, result
    by_fp16, mostly_zero = without_notes(result.stderr).splitlines()
    assert by_fp16.startswith("densq: warning: 3 rows of 2 matrices: fp16,"), by_fp16
    assert "up to 100 % (in 'model.layers.1.down.weight')" in by_fp16, by_fp16
    assert mostly_zero.startswith("densq: warning: 18 rows of 2 matrices: most gradients are zero")
    check_contents(read_file(folder / "out.densq"), model, gradients)


def test_a_sparse_value_out_of_reach_keeps_its_sign(folder):
    weights = np.full((1, 64), -40000, np.float32)
    weights[0, 0] = 40000
    save(folder / "m.safetensors", {"model.layers.0.up.weight": weights})
    result = run("quantize", "--model", folder / "m.safetensors", "--unweighted", "--outliers",
                 "1.6%", "-o", folder / "out.densq")
    assert result.returncode == 0 and "1 row of 1 matrix: fp16," in result.stderr, result
    matrix, = read_file(folder / "out.densq").matrices.values()
    assert matrix.sparse == [(0, 0, 65504)] and (matrix.lut == -40000).all(), matrix.sparse


def test_without_linear_layers_no_gradients_are_needed(folder):
    save(folder / "m.safetensors", {"a": make_weights(3, 4, 1)})
    result = run("quantize", "--model", folder / "m.safetensors", "--exclude", "a", "-o",
                 folder / "out.densq")
    assert result.returncode == 0 and "0 matrices" in result.stdout, result
    save(folder / "m.safetensors", {})
    contents = quantize(folder / "m.safetensors", folder / "out.densq")
    assert contents.metadata.keys() == {"densq.tool", "densq.options", "densq.choice"}


def test_the_same_file_every_time(folder):
    for number, threads in enumerate([1, 1, 2, 5]):
        quantize(STORIES, folder / f"{number}.densq", "--threads", threads, gradients=STORIES)
    files = [(folder / f"{number}.densq").read_bytes() for number in range(4)]
    assert files.count(files[0]) == 4


def test_file_in_the_current_folder(folder):
    shutil.copy(STORIES / "model.safetensors", folder)
    result = run("quantize", "--model", "model.safetensors", "--unweighted", "--quiet", "-o",
                 "out.densq", cwd=folder)
    assert (result.returncode, result.stdout, without_notes(result.stderr)) == (0, "", ""), result
    assert run("verify", "out.densq", cwd=folder).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", "out.densq"]


main(globals())
