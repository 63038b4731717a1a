# SPDX-License-Identifier: MIT
"""densq quantize by second moments: what it gains, what it falls back from, and what it refuses.

    check_moments.py DENSQ MODEL_FOLDER
"""
import json

import numpy as np

from models import make_gradients, make_weights, save
from support import (check_fails, check_matrix, decode, main, quantize, quantize_in_parts,
                     run)

UP, DOWN = "model.layers.0.mlp.up_proj.weight", "model.layers.1.mlp.down_proj.weight"
EXPERTS = "model.layers.2.mlp.experts.down_proj"
COLS, SLICES = 80, 3


def moments_of(seed, scale=1.0):
    """[COLS, COLS], of inputs that go together."""
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((40, COLS)) @ random.standard_normal((COLS, COLS))
    inputs += random.standard_normal((40, COLS))
    return (scale * inputs.T @ inputs).astype(np.float32)


def triangle(matrix):
    return matrix[np.triu_indices(COLS)]


def make_model(folder):
    """The weights, and moments of all of them but DOWN; the last expert's are zero."""
    model = {UP: make_weights(70, COLS, 1), DOWN: make_weights(20, COLS, 2),
             EXPERTS: np.stack([make_weights(20, COLS, 3 + e) for e in range(SLICES)])}
    moments = {UP: moments_of(1),
               EXPERTS: np.stack([moments_of(2), moments_of(3), moments_of(4, 0)])}
    save(folder / "m.safetensors", model)
    save_moments(folder / "moments.safetensors", moments)
    return model, moments


def save_moments(path, moments):
    save(path, {name: triangle(value) if value.ndim == 2 else np.stack(list(map(triangle, value)))
                for name, value in moments.items()})


def damage(matrix, weights, moments):
    error = decode(matrix) - weights
    return np.einsum("ri,ij,rj", error, moments.astype(np.float64), error)


def with_moments(folder, *arguments):
    return quantize(folder / "m.safetensors", folder / "out.densq", "--bits", 3, "--moments",
                    folder / "moments.safetensors", "--expert-layout", "out-in", *arguments)


def test_outputs_change_less(folder):
    model, moments = make_model(folder)
    plain = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", 3,
                     "--expert-layout", "out-in")
    better = with_moments(folder)
    for name, weights, moment in [(UP, model[UP], moments[UP]),
                                  *((f"{EXPERTS}.{e}", model[EXPERTS][e], moments[EXPERTS][e])
                                    for e in range(SLICES - 1))]:
        assert damage(better.matrices[name], weights, moment) < 0.6 * damage(
            plain.matrices[name], weights, moment), name
        assert len(better.matrices[name].sparse) == len(plain.matrices[name].sparse)
    assert json.loads(better.metadata["densq.options"])["method"] == "moments"
    assert "method" not in json.loads(plain.metadata["densq.options"])


def test_what_has_no_moments_is_left_to_the_other_method(folder):
    model, _ = make_model(folder)
    contents = with_moments(folder)
    check_matrix(contents.matrices[DOWN], model[DOWN], bits=3)
    check_matrix(contents.matrices[f"{EXPERTS}.2"], model[EXPERTS][2], bits=3)
    result = run("quantize", "--model", folder / "m.safetensors", "--unweighted", "--moments",
                 folder / "moments.safetensors", "--expert-layout", "out-in", "-o",
                 folder / "out.densq")
    assert "no moments for 1 of 5 matrices" in result.stderr and DOWN in result.stderr, result
    assert f"1 of the moments of '{EXPERTS}' are all zero" in result.stderr, result


def test_gradients_are_where_it_begins(folder):
    model, moments = make_model(folder)
    save(folder / "g.safetensors", make_gradients(model))
    contents = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", 3, "--moments",
                        folder / "moments.safetensors", "--expert-layout", "out-in",
                        "--select", "magnitude", gradients=folder / "g.safetensors")
    plain = quantize(folder / "m.safetensors", folder / "out.densq", "--bits", 3,
                     "--expert-layout", "out-in", gradients=folder / "g.safetensors")
    places, plain_places = ([place[:2] for place in file.matrices[UP].sparse]
                            for file in (contents, plain))
    assert places == plain_places
    assert damage(contents.matrices[UP], model[UP], moments[UP]) < 0.6 * damage(
        plain.matrices[UP], model[UP], moments[UP])


def test_the_same_bytes_in_parts_and_on_any_number_of_threads(folder):
    make_model(folder)
    files = []
    for threads in (1, 3):
        with_moments(folder, "--select", "error", "--threads", threads)
        files.append((folder / "out.densq").read_bytes())
    files.append(quantize_in_parts(
        folder, ("0:1", "1:3"), "--model", folder / "m.safetensors", "--bits", 3, "--unweighted",
        "--moments", folder / "moments.safetensors", "--expert-layout", "out-in", "--select",
        "error"))
    assert files[0] == files[1] == files[2]
    plan_text = (folder / "plan.json").read_text()
    changed = moments_of(1, 2.0)
    save_moments(folder / "moments.safetensors", {UP: changed, EXPERTS: np.stack([changed] * 3)})
    check_fails(folder, 1, "has changed since", "--plan", folder / "plan.json", "--layers", "0:1")
    assert plan_text == (folder / "plan.json").read_text()


def test_refused(folder):
    _, moments = make_model(folder)
    path = folder / "bad.safetensors"
    arguments = ["--model", folder / "m.safetensors", "--unweighted", "--expert-layout", "out-in"]
    bad = ["--moments", path]

    def refuse(part, value, name=UP):
        save(path, {name: value})
        check_fails(folder, 1, part, *arguments, *bad)

    good = triangle(moments[UP])
    refuse("moments of none of the matrices", good, "other")
    refuse("the second moments of 80 inputs have [3240]", good[:-1])
    refuse("the second moments of 80 inputs have [3240]", moments[UP])
    refuse("the second moments of 80 inputs have [3, 3240]", good, EXPERTS)
    refuse("dtype I32 is none of", good.astype(np.int32))
    negative = good.copy()
    negative[COLS] = -1
    refuse("element 80: -1.000000 on the diagonal", negative)
    infinite = good.copy()
    infinite[-2] = np.inf
    refuse("element 3238: inf is not finite", infinite)
    apart = np.eye(COLS, dtype=np.float32)
    apart[0, 1] = apart[1, 0] = 1000
    save(path, {UP: triangle(apart)})
    failed = run("quantize", "-o", folder / "out.densq", *arguments, *bad)
    assert failed.returncode == 1 and not (folder / "out.densq").exists(), failed
    assert f"{path}: tensor '{UP}': these are no second moments" in failed.stderr, failed
    check_fails(folder, 2, "--method moments needs --moments", *arguments, "--method", "moments")
    check_fails(folder, 2, "does not use --moments", *arguments, "--method", "fisher", *bad)
    check_fails(folder, 1, "no such file", *arguments, "--moments", folder / "absent")


main(globals())
