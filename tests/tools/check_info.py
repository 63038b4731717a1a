# SPDX-License-Identifier: MIT
"""densq info, driven as a process: the report, single values, JSON and the picture.

    check_info.py DENSQ MODEL_FOLDER
"""
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import numpy as np

from models import load, save
from support import DENSQ, STORIES, main, make_file, quantize, run

SVG = "{http://www.w3.org/2000/svg}"


def make_matrix(rows, cols, bits=4, sparse=(), seed=1):
    random = np.random.default_rng(seed)
    lut = np.sort(random.standard_normal((rows, 1 << bits)), 1)
    return make_file.Matrix(bits, lut, random.integers(0, 1 << bits, (rows, cols)), list(sparse))


def write(folder, matrices=None, tensors=None, metadata=None):
    path = folder / "in.densq"
    path.write_bytes(make_file.make_file(metadata or {}, matrices or {}, tensors or {}))
    return path


def report(*arguments):
    result = run("info", *arguments)
    assert result.returncode == 0 and result.stderr == "", result
    return result.stdout


def columns(line):
    return sum(2 if ord(character) >= 0x1100 else 1 for character in line)


def check_page(text, names=()):
    """80 columns, but for names that are longer, and no control characters."""
    for line in text.splitlines():
        assert columns(line) <= 80 or line in names, line
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


def test_report(folder):
    contents = quantize(STORIES, folder / "m.densq", "--bits", 3, "--bits-for", "*.0.mlp.*=4",
                        gradients=STORIES)
    os.utime(folder / "m.densq", (1e9, 1e9))
    size = (folder / "m.densq").stat().st_size
    weights = sum(matrix.codes.size for matrix in contents.matrices.values())
    text = report(folder / "m.densq")
    check_page(text)
    facts = dict(re.findall(r"^(\S+(?: \S+)*)  +(\S.*)$", text.split("\n\n")[0], re.M))
    assert facts["architecture"] == "LlamaForCausalLM (llama)"
    assert facts["parameters"] == "1.82 million: 1.62 million in 28 matrices, 198 thousand plain"
    parameters = weights + sum(int(np.prod(t.shape)) for t in contents.tensors.values())
    whole = f"{8 * size / parameters:.3f} in the whole file"
    assert whole in facts["bits a weight"], facts
    assert facts["sparse"] == "0.45 % of the matrices' weights"
    assert facts["size"].endswith(f" MB, {50 * size / parameters:.1f} % of the 3.64 MB as F16")
    assert facts["made by"] == contents.metadata["densq.tool"]
    assert "bits 3, bits_for *.0.mlp.*=4," in facts["options"]
    assert facts["modified"] == "2001-09-09 01:46:40 UTC, says the file system"
    for group in (r"model\.layers\.\*\.mlp\.down_proj\.weight +1  192x512 +4 +0\.45 ",
                  r"model\.layers\.\*\.mlp\.down_proj\.weight +3  192x512 +3 +0\.45 ",
                  r"model\.layers\.\*\.self_attn\.q_proj\.weight +4  192x192 +3 +0\.45 ",
                  r"model\.layers\.\*\.input_layernorm\.weight +4 +192 +F16  1\.54 kB",
                  r"tokenizer\.json +53\.8 kB"):
        assert len(re.findall(f"^{group}", text, re.M)) == 1, (group, text)
    table = report(folder / "m.densq", "--all")
    check_page(table)
    for name in [*contents.matrices, *contents.tensors, *contents.metadata]:
        assert re.search(f"^{re.escape(name)}( |$)", table, re.M), name


def test_the_printed_report(folder):
    """The one in the model's README; "..." stands for other lines."""
    quantize(STORIES, folder / "m.densq", "--bits", 3, gradients=STORIES)
    printed = report(folder / "m.densq")
    readme = (STORIES.parent / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^    architecture .*\n(?:    .*\n|\n(?=    ))+", readme, re.M)[0]
    parts = re.sub("^    ", "", block, flags=re.M).split("...\n")
    assert len(parts) == 3 and all(part in printed for part in parts), printed


def test_values(folder):
    quantize(STORIES, folder / "m.densq")
    for key in ("config.json", "tokenizer.json"):
        result = subprocess.run([DENSQ, "info", folder / "m.densq", "--metadata", key],
                                capture_output=True)
        assert result.returncode == 0 and result.stderr == b""
        assert result.stdout == (STORIES / key).read_bytes()
    result = run("info", folder / "m.densq", "--metadata", "config")
    assert result.returncode == 1 and result.stdout == "", result
    assert "no metadata entry 'config'; it has config.json, densq.choice, densq" in result.stderr
    assert run("info", folder / "m.densq", "--metadata", "x", "--json").returncode == 2
    text = "a\x1b[31m\0\r\nb"
    file = write(folder, metadata={"k": text, "empty": ""})
    assert subprocess.check_output([DENSQ, "info", file, "--metadata", "k"]) == text.encode()
    assert report(file, "--metadata", "empty") == ""


def test_json(folder):
    choice = [{"group": "linear layers", "kept": "quantized", "why": "by structure", "tensors": 3,
               "weights": 240, "bytes": 9}]
    matrices = {f"m.{i}.up": make_matrix(2, 40, sparse=[(1, 3, 2.0)] * (i == 1)) for i in range(3)}
    tensors = {"m.0.n": make_file.Tensor("BF16", (2,), bytes(4)),
               "s": make_file.Tensor("F32", (), bytes(4))}
    config = {"model_type": 'NaN "Infinity"', "architectures": ["A", "B"],
              "limit": [0, float("inf")]}
    file = write(folder, matrices, tensors, {
        "config.json": json.dumps(config), "densq.choice": json.dumps(choice),
        "densq.options": '{"bits":4,"exclude":["a","b"]}', "densq.tool": "densq 9"})
    info = json.loads(report(file, "--json"))
    assert info["architecture"] == {"model_type": 'NaN "Infinity"', "classes": ["A", "B"]}
    assert info["parameters"] == {"all": 243, "in_matrices": 240, "in_tensors": 3}
    assert info["tool"] == "densq 9" and info["choice"] == choice and info["problems"] == []
    assert info["options"] == {"bits": 4, "exclude": ["a", "b"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", info["modified"])
    assert info["groups"] == [
        {"name": "m.*.up", "count": 3, "shape": [2, 40], "bits": 4, "nnz": 1,
         "bytes": sum(entry["bytes"] for entry in info["matrices"])},
        {"name": "m.*.n", "count": 1, "shape": [2], "dtype": "BF16", "bytes": 4},
        {"name": "s", "count": 1, "shape": [], "dtype": "F32", "bytes": 4}]
    assert "exclude a b" in report(file) and "by structure" in report(file)


def test_what_a_stranger_may_write(folder):
    """Control characters, wide letters, long names and words, metadata of other forms."""
    names = ["日本" * 30, "n" * 250, "x" * 60 + ".1.y"]
    tensors = {names[0]: make_file.Tensor("F32", (1, 2, 3, 4), bytes(96)),
               names[1]: make_file.Tensor("F32", (1,), bytes(4))}
    choice = [{"group": "g\x1b]0;t\x07", "kept": "\x9b31m", "why": "w" * 200, "tensors": 1,
               "weights": 1, "bytes": 1}]
    options = {"exclude": ["*" * 300, "\x1b[2J"], "日本" * 50: 1}
    file = write(folder, {names[2]: make_matrix(2, 40)}, tensors, {
        "densq.tool": "\x1b[31m\x7f\n", "densq.options": json.dumps(options), "é" * 120: "\x1b",
        "densq.choice": json.dumps(choice), "config.json": '{"model_type": "\\u001b[31m"}'})
    text = report(file)
    check_page(text)
    assert "\\x1b[31m\\x7f\\x0a" in text and "..." in text and "\\xc2\\x9b31m" in text
    table = report(file, "--all")
    check_page(table, [*names, "é" * 120])
    assert all(name in table for name in names)
    for options, problem in (("{", "it is no JSON"), ("[]", "it is no object"),
                             ("[" * 100_000, "it is nested too deeply"),
                             ('{"a":"%s"}' % ("b" * (1 << 20)), "it is too long")):
        file = write(folder, metadata={"densq.options": options, "config.json": "[]",
                                       "densq.choice": '[{"group": 5}]'})
        words = " ".join(report(file).split())
        entry = "unreadable the metadata entry 'densq.options' is not what densq writes: "
        assert entry + problem in words, words
        assert "unreadable config.json: no JSON object" in words, words
        assert "unreadable the metadata entry 'densq.choice'" in words, words
        info = json.loads(report(file, "--json"))
        assert info["options"] is None and len(info["problems"]) == 3


def test_an_empty_file(folder):
    file = write(folder)
    text = report(file)
    check_page(text)
    assert "architecture   not given" in text and "0 in 0 matrices" in text
    check_page(report(file, "--all"))
    assert json.loads(report(file, "--json"))["groups"] == []


def test_a_full_stdout_is_an_error(folder):
    """More than the buffer holds, so that the write that fails is not the last one."""
    file = write(folder, metadata={f"{i}": "x" * 5000 for i in range(300)})
    for arguments in (["--json"], ["--all"], [], ["--metadata", "7"]):
        with open("/dev/full", "w") as full:
            result = subprocess.run([DENSQ, "info", file, *arguments], stdout=full,
                                    stderr=subprocess.PIPE, text=True)
        assert result.returncode == 1 and "cannot write the output" in result.stderr, result


# ---- Pictures ----


def plot(file, picture, *arguments):
    """The elements of each class, and the texts."""
    report(file, "--plot", picture, *arguments)
    root = ElementTree.parse(picture).getroot()
    marks = {}
    for element in root.iter():
        if element.tag != SVG + "text":
            marks.setdefault(element.get("class"), []).append(element)
    assert sorted(path.name for path in picture.parent.glob("*.partial")) == []
    return marks, [element.text for element in root.iter(SVG + "text")]


def test_picture_of_layers(folder):
    matrices = {f"model.layers.{i}.{name}": make_matrix(2, 40, 2 + i % 3, [(0, 1, 1.0)] * (i > 9))
                for i in range(12) for name in ("up", "down")}
    matrices['a<b>&"\uffff.7.x'] = make_matrix(1, 100)
    matrices["lm_head"] = make_matrix(1, 100)
    marks, texts = plot(write(folder, matrices), folder / "p.svg")
    layers, with_sparse = 12 + 2, 2
    assert len(marks["bar"]) == layers + with_sparse + 2  # the last two are the legends'
    assert len(marks["dot"]) == 2 * (len(matrices) + 1)
    assert texts.count("Bits a weight by layer") == texts.count("Sparse share by layer") == 1
    title = 'layer of a<b>&"\ufffd, then of model.layers, then of others'
    assert texts.count(title) == 2, texts
    at = texts.index(title)
    assert texts[at + 1:][:13] == ["7", *map(str, range(11)), "11"], texts[at + 1:]


def test_picture_of_a_row(folder):
    contents = quantize(STORIES, folder / "m.densq", gradients=STORIES)
    name = "model.layers.1.mlp.down_proj.weight"
    matrix = contents.matrices[name]
    row = max((row for row, _, _ in matrix.sparse),
              key=lambda row: sum(r == row for r, _, _ in matrix.sparse))
    count = sum(r == row for r, _, _ in matrix.sparse)
    marks, texts = plot(folder / "m.densq", folder / "p.svg", "--model", STORIES, "--matrix", name,
                        "--row", row)
    assert f"Row {row} of {name}" in texts and "512 weights" in texts
    assert f"{count} of them also sparse" in texts, texts
    centroids = np.unique(matrix.lut[row].astype(np.float32))
    assert len(marks["mark"]) == len(centroids) + 1
    weights = load(STORIES / "model.safetensors")[name].astype(np.float64)[row]
    found = [float(re.match(r"M([\d.]+)", mark.get("d"))[1]) for mark in marks["mark"][:-1]]
    scale = np.polyfit(centroids, found, 1)
    assert np.abs(np.polyval(scale, centroids) - found).max() < 0.01
    left, right = np.polyval(scale, [weights.min(), weights.max()])
    bars = [(float(bar.get("x")), float(bar.get("x")) + float(bar.get("width")))
            for bar in [*marks["bar"], *marks["other"]] if float(bar.get("y")) > 640]
    assert abs(min(bars)[0] - left) < 20 and abs(max(bars)[1] - right) < 20, (left, right)
    _, texts = plot(folder / "m.densq", folder / "p.svg", "--model", STORIES)
    assert f"Row 0 of {min(contents.matrices)}" in texts


def test_picture_of_a_slice(folder):
    """Only row 2 of slice 1 has weights from 5 to 6."""
    for transposed in (True, False):
        model = np.random.default_rng(1).random((3, 4, 50)).astype(np.float32)
        model[1, 2] += 5
        shown = np.swapaxes(model, 1, 2) if transposed else model
        save(folder / "m.safetensors", {"m.e": np.ascontiguousarray(shown)})
        slices = {"m.e": {"slices": 3, "transposed": transposed}}
        file = write(folder, {f"m.e.{i}": make_matrix(4, 50) for i in range(3)}, {},
                     {"densq.slices": json.dumps(slices)})
        _, texts = plot(file, folder / "p.svg", "--model", folder / "m.safetensors", "--matrix",
                        "m.e.1", "--row", 2)
        assert "Row 2 of m.e.1" in texts
        at = texts.index("weight in the original model")
        assert texts[at + 1:at + 7] == ["5", "5.2", "5.4", "5.6", "5.8", "6"], texts[at:]


def test_pictures_that_cannot_be(folder):
    matrices = {"m.0.a": make_matrix(2, 40), "m.1.a": make_matrix(2, 40)}
    file = write(folder, matrices)
    model = {"m.0.a": np.ones((2, 40), np.float32), "m.1.a": np.ones((40, 2), np.float32)}
    model["m.0.a"][1, 3] = np.nan
    save(folder / "m.safetensors", model)
    save(folder / "other.safetensors", {"x": np.ones((2, 40), np.float32)})
    (folder / "folder.svg").mkdir()
    good = ["--plot", folder / "p.svg", "--model", folder / "m.safetensors"]
    other = ["--plot", folder / "p.svg", "--model", folder / "other.safetensors"]
    before = sorted(folder.iterdir())
    for status, word, arguments in (
            (2, "does not end with .svg", ["--plot", file]),
            (2, "--plot", ["--model", folder / "m.safetensors"]),
            (1, "is no file", ["--plot", folder / "folder.svg"]),
            (1, "cannot create", ["--plot", folder / "missing" / "p.svg"]),
            (1, "has no matrix 'm'", [*good, "--matrix", "m"]),
            (2, "has the rows 0 to 1", [*good, "--row", 2]),
            (1, "row 1 holds a NaN", [*good, "--row", 1]),
            (1, "shape [40, 2]", [*good, "--matrix", "m.1.a"]),
            (1, "no tensor 'm.0.a'", other),
            (1, "no such file", ["--plot", folder / "p.svg", "--model", folder / "missing"])):
        result = run("info", file, *arguments)
        assert result.returncode == status and word in result.stderr + result.stdout, result
        assert sorted(folder.iterdir()) == before, result
    plot(file, folder / "p.svg", "--model", folder / "m.safetensors")  # all weights are the same
    model["m.0.a"][1, 3], model["m.0.a"][1, 4] = -3e38, 3e38  # further apart than F32 can say
    save(folder / "m.safetensors", model)
    _, texts = plot(file, folder / "p.svg", *good[2:], "--row", 1)
    assert "-2e+38" in texts and "2e+38" in texts, texts
    result = run("info", write(folder), "--plot", folder / "p.svg")
    assert result.returncode == 1 and "nothing to plot" in result.stderr, result


main(globals())
