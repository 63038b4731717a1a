# SPDX-License-Identifier: MIT
"""densq quantize --budget: what fits, what it gains, and what it refuses.

    check_budget.py DENSQ MODEL_FOLDER
"""
import json

import numpy as np

from models import make_gradients, make_weights, save
from support import check_fails, decode, main, quantize, quantize_in_parts, run

EMBEDDING = "model.embed_tokens.weight"


def make_model(folder):
    """Layers that matter more and more; the gradients of the last are zero."""
    model = {f"model.layers.{i}.mlp.up_proj.weight": make_weights(48, 300, i) for i in range(6)}
    gradients = make_gradients(model)
    for i, name in enumerate(model):
        gradients[name] *= 0 if i == 5 else np.float32(10.0 ** i)
    model[EMBEDDING] = make_weights(50, 300, 9)
    gradients[EMBEDDING] = np.ones_like(model[EMBEDDING])
    save(folder / "m.safetensors", model)
    save(folder / "g.safetensors", gradients)
    return model, gradients


def with_budget(folder, budget, *arguments, output="out.densq"):
    return quantize(folder / "m.safetensors", folder / output, "--budget", budget, *arguments,
                    gradients=folder / "g.safetensors")


def bits_per_weight(folder, name="out.densq"):
    info = run("info", folder / name, "--json")
    return json.loads(info.stdout)["totals"]["bits_per_weight"]


def test_it_beats_equal_bits(folder):
    model, gradients = make_model(folder)

    def damage(contents):
        return sum((gradients[name] * (decode(matrix) - model[name]) ** 2).sum()
                   for name, matrix in contents.matrices.items())

    for bits in (2, 3):
        uniform = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", bits,
                           gradients=folder / "g.safetensors")
        budget = bits_per_weight(folder)
        chosen = with_budget(folder, budget)
        assert budget - 0.1 < bits_per_weight(folder) <= budget
        assert damage(chosen) < 0.7 * damage(uniform), bits
        matrices = [chosen.matrices[f"model.layers.{i}.mlp.up_proj.weight"] for i in range(6)]
        assert matrices[0].bits <= matrices[4].bits
        assert matrices[5].bits == int(budget)  # of which nothing is known
    assert json.loads(chosen.metadata["densq.options"])["budget"] == str(budget)


def test_what_is_said_of_bits_is_kept(folder):
    make_model(folder)
    contents = with_budget(folder, 5, "--bits-for", f"{EMBEDDING}=2")
    assert contents.matrices[EMBEDDING].bits == 2
    assert bits_per_weight(folder) < 5
    contents = with_budget(folder, 32)
    assert all(m.bits == 4 for name, m in contents.matrices.items() if ".5." not in name)
    contents = with_budget(folder, 4, "--outliers", "0%", "--sensitive", "0%")
    assert not any(matrix.sparse for matrix in contents.matrices.values())


def test_budgets_of_their_own(folder):
    make_model(folder)
    layers = "model.layers.*"
    arguments = ("--bits-for", f"{EMBEDDING}=3.9", "--bits-for", f"{layers}=3.5")
    contents = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", 2, *arguments,
                        gradients=folder / "g.safetensors")
    info = json.loads(run("info", folder / "out.densq", "--json", "--all").stdout)
    sizes = {name: [0, 0] for name in ("embedding", "layers")}
    for name, matrix in contents.matrices.items():
        size = sizes["embedding" if name == EMBEDDING else "layers"]
        rows, cols = matrix.codes.shape
        size[0] += 8 * next(m["bytes"] for m in info["matrices"] if m["name"] == name)
        size[1] += rows * cols
    bits = {name: taken / weights for name, (taken, weights) in sizes.items()}
    assert 2.5 < bits["embedding"] <= 3.9 and 3.2 < bits["layers"] <= 3.5, bits
    assert {m.bits for name, m in contents.matrices.items() if name != EMBEDDING} > {2}
    alone = with_budget(folder, 3.5)  # the budget of the layers is not that of the embedding
    for name, matrix in alone.matrices.items():
        assert matrix.bits == contents.matrices[name].bits, name


def test_the_same_bytes_in_parts_and_on_any_number_of_threads(folder):
    make_model(folder)
    files = []
    for threads in (1, 3):
        with_budget(folder, 4.2, "--threads", threads)
        files.append((folder / "out.densq").read_bytes())
    files.append(quantize_in_parts(
        folder, ("0:2", "2:6"), "--model", folder / "m.safetensors", "--gradients",
        folder / "g.safetensors", "--budget", 4.2))
    assert files[0] == files[1] == files[2]


def test_the_choice_is_shown(folder):
    make_model(folder)
    shown = run("quantize", "--model", folder / "m.safetensors", "--gradients",
                folder / "g.safetensors", "--budget", 4.2, "--dry-run")
    assert shown.returncode == 0, shown
    lines = shown.stdout.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.split()[:2] == ["bits", "sparse"])
    table = [line.split() for line in lines[begin + 1:] if line[:4].strip().isdigit()]
    assert sum(int(row[3]) for row in table) == 6, shown.stdout
    assert len(table) > 1 and "4.1" in shown.stdout or "4.2" in shown.stdout, shown.stdout


def test_refused(folder):
    make_model(folder)
    arguments = ["--model", folder / "m.safetensors", "--gradients", folder / "g.safetensors"]
    for text in ("3,25", "nan", "0", "-1", "3.25 bits", ""):
        check_fails(folder, 2, "--budget", *arguments, f"--budget={text}")
    check_fails(folder, 2, "--budget 1: the smallest matrices take 2.347", *arguments, "--budget",
                1)
    check_fails(folder, 2, "a budget needs gradients", *arguments[:2], "--unweighted", "--budget",
                3)
    check_fails(folder, 2, "--bits-for 1.5: the smallest matrices take 2.3", *arguments,
                "--bits-for", "model.layers.*=1.5")
    check_fails(folder, 2, "a budget needs gradients", *arguments[:2], "--unweighted",
                "--bits-for", "model.layers.*=3.5")
    check_fails(folder, 2, "or a budget like 3.25", *arguments, "--bits-for", "model.*=3.x")
    check_fails(folder, 2, "--bits", *arguments, "--budget", 3, "--bits", 3)


main(globals())
