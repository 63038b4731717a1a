# SPDX-License-Identifier: MIT
"""densq quantize on stacks of experts, and on parts of a plan.

    check_stacks.py DENSQ MODEL_FOLDER
"""
import json

import numpy as np

from models import make_gradients, make_weights, save
from support import check_matrix, main, quantize, read_file, run, without_notes

UP, DOWN = "model.layers.0.mlp.experts.gate_up_proj", "model.layers.1.mlp.experts.down_proj"
QUERY, ROUTER = "model.layers.0.self_attn.q_proj.weight", "model.layers.1.mlp.router.weight"
HIDDEN, INNER, EXPERTS = 96, 40, 11


def stack(rows, cols, seed):
    return np.stack([make_weights(rows, cols, seed + e) for e in range(EXPERTS)])


def save_model(folder, model_type, in_out):
    """Returns the tensors and the matrices that they hold, [out, in]."""
    up, down = stack(2 * INNER, HIDDEN, 1), stack(HIDDEN, INNER, 50)
    def turned(s):
        return np.ascontiguousarray(s.transpose(0, 2, 1)) if in_out else s
    tensors = {UP: turned(up), DOWN: turned(down), QUERY: make_weights(HIDDEN, HIDDEN, 99),
               ROUTER: make_weights(EXPERTS, HIDDEN, 98),
               "model.norm.weight": np.ones(HIDDEN, np.float32)}
    folder.mkdir(exist_ok=True)
    save(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text(json.dumps(
        {"model_type": model_type, "hidden_size": HIDDEN, "num_local_experts": EXPERTS}))
    matrices = {f"{UP}.{e}": up[e] for e in range(EXPERTS)}
    matrices.update({f"{DOWN}.{e}": down[e] for e in range(EXPERTS)})
    return tensors, {**matrices, QUERY: tensors[QUERY]}


def test_each_slice_is_a_matrix_of_outputs_by_inputs(folder):
    for in_out in (False, True):
        tensors, matrices = save_model(folder / "m", "any", in_out)
        gradients = make_gradients({name: tensors[name] for name in (UP, DOWN, QUERY)})
        save(folder / "g.safetensors", gradients)
        contents = quantize(folder / "m", folder / "out.densq", "--bits", 3,
                            gradients=folder / "g.safetensors")
        assert contents.matrices.keys() == matrices.keys()
        assert contents.tensors.keys() == {ROUTER, "model.norm.weight"}
        for name, values in matrices.items():
            tensor = name.rpartition(".")[0] if name != QUERY else name
            squares = gradients[tensor]
            if name != QUERY:
                squares = squares[int(name.rpartition(".")[2])]
                squares = squares.T if in_out else squares
            check_matrix(contents.matrices[name], values, squares, bits=3)
        slices = {"slices": EXPERTS, "transposed": in_out}
        assert json.loads(contents.metadata["densq.slices"]) == {UP: slices, DOWN: slices}


def test_layout_by_model_or_by_word(folder):
    """Where inner and hidden size are the same, the sizes do not tell."""
    square = {"model.layers.0.mlp.experts.down_proj": stack(HIDDEN, HIDDEN, 1)}
    save(folder / "model.safetensors", square)

    def transposed(model_type, *arguments):
        (folder / "config.json").write_text(json.dumps(
            {"model_type": model_type, "hidden_size": HIDDEN}))
        contents = quantize(folder, folder / "out.densq", *arguments)
        slices, = json.loads(contents.metadata["densq.slices"]).values()
        return slices["transposed"]

    assert transposed("gpt_oss") and transposed("llama4_text") and not transposed("mixtral")
    assert transposed("new", "--expert-layout", "in-out")
    assert not transposed("gpt_oss", "--expert-layout", "out-in")
    (folder / "config.json").write_text('{"model_type": "new"}')
    result = run("quantize", "--model", folder, "--unweighted", "-o", folder / "new.densq")
    assert result.returncode == 1 and "say --expert-layout out-in or in-out" in result.stderr
    assert not (folder / "new.densq").exists()
    contents = quantize(folder, folder / "new.densq", "--exclude", "*experts*")
    assert not contents.matrices and len(contents.tensors) == 1


def test_dry_run(folder):
    save_model(folder / "m", "gpt_oss", True)
    dry = run("quantize", "--model", folder / "m", "--unweighted", "--dry-run")
    assert dry.returncode == 0 and without_notes(dry.stderr) == "", dry
    assert list(folder.iterdir()) == [folder / "m"]
    quantized = run("quantize", "--model", folder / "m", "--unweighted", "-o", folder / "o.densq")
    assert quantized.stdout.startswith(dry.stdout), quantized
    for words in ("quantized      2  stacked experts", "plain          1  routers",
                  "23 matrices, 2 plain tensors: "):
        assert words in dry.stdout, (words, dry.stdout)


def test_parts_of_a_plan(folder):
    tensors, _ = save_model(folder / "m", "gpt_oss", True)
    plan = folder / "plan.json"
    save(folder / "g.safetensors", make_gradients({k: tensors[k] for k in (UP, DOWN, QUERY)}))
    planned = run("quantize", "--model", folder / "m", "--gradients", folder / "g.safetensors",
                  "--plan", plan, "--bits-for", "*.q_proj.*=2", "--drop", "*norm*")
    assert planned.returncode == 0, planned
    whole = quantize(folder / "m", folder / "whole.densq", "--bits-for", "*.q_proj.*=2", "--drop",
                     "*norm*", gradients=folder / "g.safetensors")
    parts = []
    for layer in (0, 1):
        path = folder / f"part{layer}.densq"
        result = run("quantize", "--plan", plan, "--layers", f"{layer}:{layer + 1}", "-o", path)
        assert result.returncode == 0, result
        parts.append(read_file(path))
        part = json.loads(parts[-1].metadata.pop("densq.part"))
        assert part["layers"] == [layer, layer + 1] and part["of"] == 2
        assert part["plan"] == json.loads(plan.read_text())["fingerprint"]
        assert parts[-1].metadata == whole.metadata
    merged = run("merge", "-o", folder / "merged.densq", folder / "part1.densq",
                 folder / "part0.densq")
    assert merged.returncode == 0, merged
    assert (folder / "merged.densq").read_bytes() == (folder / "whole.densq").read_bytes()

    def refused(words, status, *arguments):
        result = run("quantize", *arguments)
        assert result.returncode == status and words in result.stderr, result

    output = ["-o", folder / "x.densq"]
    refused("the plan has the layers 0:2", 2, "--plan", plan, "--layers", "1:3", *output)
    refused("is not FIRST:END", 2, "--plan", plan, "--layers", "1", *output)
    refused("say --plan FILE", 2, "--model", folder / "m", "--layers", "0:1", *output)
    refused("writes a plan and no densq file", 2, "--model", folder / "m", "--plan", plan, *output)
    refused("is one of the inputs", 2, "--plan", plan, "--layers", "0:1", "-o", plan)
    refused("excludes", 2, "--plan", plan, "--layers", "0:1", "--bits", "3", *output)
    refused("excludes", 2, "--plan", folder / "new.json", "--dry-run", "--model", folder / "m")
    refused("not a plan", 1, "--plan", folder / "m" / "config.json", "--layers", "0:1", *output)
    refused("no such file", 1, "--plan", folder / "none", "--layers", "0:1", *output)
    tensors[QUERY][3, 4] += 1
    save(folder / "m" / "model.safetensors", tensors)
    refused(f"tensor '{QUERY}' has changed", 1, "--plan", plan, "--layers", "0:1", *output)
    del tensors[ROUTER]
    save(folder / "m" / "model.safetensors", tensors)
    refused("are not those of the plan", 1, "--plan", plan, "--layers", "0:1", *output)
    assert not (folder / "x.densq").exists()


main(globals())
