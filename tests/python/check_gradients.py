# SPDX-License-Identifier: MIT
"""densq-gradients against autograd by the book, and on every family.

    check_gradients.py PACKAGE_DIR [DENSQ]
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import torch
import transformers
from families import FAMILIES, TEXT
from gradients_support import LENGTH, SAMPLES, WEIGHTS, measured, options, run, run_checks
from gradients_support import write_inputs
from safetensors.torch import load_file, save_file

from densq_tools import InputError, causal_model, measuring

PACKAGE, *PROGRAMS = sys.argv[1:]


def expected_sums(folder, tokenizer, texts=(TEXT,), samples=SAMPLES):
    """By the book: for each sample the gradient of its mean cross-entropy, squared, added up."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for t, text in enumerate(texts):
        tokens = torch.tensor(tokenizer.encode(text).ids)
        count = samples // len(texts) + (t < samples % len(texts))
        for i in range(count):
            start = (len(tokens) - LENGTH) * i // max(count - 1, 1)
            sample = tokens[start:start + LENGTH]
            model.zero_grad()
            logits = model(sample.unsqueeze(0)).logits[0]
            torch.nn.functional.cross_entropy(logits[:-1], sample[1:]).backward()
            for name, parameter in model.named_parameters():
                sums[name] += parameter.grad ** 2
    return {name: total for name, total in sums.items() if total.dim() > 1}


def experts_one_by_one(sums):
    """Mixtral's parameters as its checkpoint has them."""
    result = {}
    for name, total in sums.items():
        name = name.replace(".mlp.", ".block_sparse_moe.")
        stem = name.removesuffix(".gate_up_proj").removesuffix(".down_proj")
        for e, expert in enumerate(total if stem != name else []):
            if name.endswith("down_proj"):
                result[f"{stem}.{e}.w2.weight"] = expert
            else:
                result[f"{stem}.{e}.w1.weight"], result[f"{stem}.{e}.w3.weight"] = expert.chunk(2)
        if stem == name:
            result[name] = total
    return result


def old_head(sums):
    return {re.sub("^lm_head", "embed_out", name): total for name, total in sums.items()}


def assert_same(found, wanted):
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for name, values in found.items():
        torch.testing.assert_close(values, wanted[name], rtol=1e-4, atol=1e-9)


def check_book(folder):
    """nn.Linear, a tied head; stacks of experts; experts that only transformers stacks; a rename"""
    for family, converted in (("llama, tied", dict), ("gpt_oss", dict), ("llama4", dict),
                              ("mixtral", experts_one_by_one), ("gpt2", dict),
                              ("gpt_neox", old_head)):
        tokenizer = write_inputs(folder, family)
        found, _ = measured(folder, "--embeddings")
        assert_same(found, converted(expected_sums(folder, tokenizer)))
        shapes = {name: t.shape for name, t in load_file(folder / "model" / WEIGHTS).items()}
        assert all(shapes[name] == total.shape for name, total in found.items())
        inner, _ = measured(folder)
        left_out = {name for name in found if re.search("wte|embed_|lm_head", name)}
        assert inner.keys() == found.keys() - left_out and left_out
        shutil.rmtree(folder / "model")


def check_families(folder):
    """All matrices of all families; and densq takes them."""
    for family in FAMILIES:
        write_inputs(folder, family)
        found, _ = measured(folder, samples=1)
        weights = load_file(folder / "model" / WEIGHTS)
        wanted = {name for name, t in weights.items() if t.dim() in (2, 3)}
        absent = {name.removesuffix(".weight").rpartition(".")[2]
                  for name in wanted - found.keys()}
        assert found.keys() <= wanted and absent and absent <= {
            "embed_tokens", "lm_head", "wte", "embed_in", "embed_out", "embeddings", "head",
            "word_embeddings"}, (family, absent)
        assert all(found[name].shape == weights[name].shape for name in found), family
        if PROGRAMS and family != "gpt2":  # whose matrices are transposed
            subprocess.run([PROGRAMS[0], "quantize", "--quiet", "--model", folder / "model",
                            "--gradients", folder / "g.safetensors", "-o", folder / "m.densq"],
                           check=True)
        shutil.rmtree(folder / "model")


def check_devices(folder):
    write_inputs(folder)
    wanted, printed = measured(folder, "--device", "cpu")
    assert "on cpu: 0." in printed and "seconds, judged by the first sample" in printed, printed
    for device in ["auto", *(["cuda"] if torch.cuda.is_available() else [])]:
        found, _ = measured(folder, "--device", device)
        assert_same(found, wanted)
    half, _ = measured(folder, "--compute-dtype", "bf16")
    for name, total in half.items():
        assert 0 < (total - wanted[name]).norm() < 0.05 * wanted[name].norm(), name
    places = dict.fromkeys(["model.embed_tokens", "model.layers.0", "model.norm",
                            "model.rotary_emb", "lm_head"], "cpu")
    model = causal_model.load_model(folder / "model", torch.float32, offload_folder=folder / "disk",
                                    device_map={**places, "model.layers.1": "disk"})
    try:
        measuring.require_placed(model)
    except InputError as error:
        assert "too small for the model" in str(error)
    else:
        raise AssertionError("an offloaded model was taken")


def check_texts(folder):
    """In turns: those of the second text are those of it alone."""
    tokenizer = write_inputs(folder)
    other = TEXT[::-1]
    (folder / "other.txt").write_text(other, encoding="utf-8")
    found, _ = measured(folder, "--text", folder / "other.txt", samples=5)
    wanted = expected_sums(folder, tokenizer, (TEXT, other), 5)
    assert_same(found, {name: wanted[name] for name in found})


def check_experts(folder):
    """Those that no token reaches have zeros, and are counted."""
    write_inputs(folder, "mixtral")
    file = folder / "model" / WEIGHTS
    weights = load_file(file)
    for name, weight in weights.items():
        if name.endswith("gate.weight"):
            weight[2:] = weight[1]  # equal to another: the first of them is chosen
    save_file(weights, file, metadata={"format": "pt"})
    found, printed = measured(folder)
    zero = [name for name, total in found.items() if not total.any()]
    assert zero and f"{len(zero)} of {len(found)} matrices were reached by no token" in printed


def check_ranks(folder):
    """Two processes add up to what one finds, and go on from where one was interrupted."""
    write_inputs(folder)
    wanted, _ = measured(folder, samples=25)
    interrupted(folder, samples=25).rename(folder / "two.safetensors.partial")
    arguments = options(folder, "two.safetensors", samples=25)
    subprocess.run([sys.executable, "-B", "-m", "torch.distributed.run", "--standalone",
                    "--nproc-per-node", "2", "-m", "densq_tools.gradients", *map(str, arguments)],
                   cwd=PACKAGE, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for name, total in load_file(arguments[-1]).items():
        torch.testing.assert_close(total, wanted[name], rtol=1e-5, atol=0)


def interrupted(folder, samples):
    """Kills a run once it has saved; the path of what it saved."""
    arguments = options(folder, "cut.safetensors", samples=samples)
    partial = folder / "cut.safetensors.partial"
    process = subprocess.Popen([sys.executable, "-B", "-m", "densq_tools.gradients",
                                *map(str, arguments)], cwd=PACKAGE, stderr=subprocess.DEVNULL)
    while not partial.exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert partial.exists() and not (folder / "cut.safetensors").exists()
    return partial


def check_resuming(folder):
    """Killed once it has saved, and started again: the same bytes as undisturbed."""
    write_inputs(folder)
    measured(folder, samples=40)
    partial = interrupted(folder, samples=40)
    kept = partial.read_bytes()
    status, _ = run(*options(folder, "cut.safetensors", samples=41))
    assert "another model, text or samples" in status, status
    measured(folder, output="cut.safetensors", samples=40)
    whole = (folder / "g.safetensors").read_bytes()
    assert (folder / "cut.safetensors").read_bytes() == whole and not partial.exists()
    weights = load_file(folder / "model" / WEIGHTS)
    save_file({name: -t for name, t in weights.items()}, folder / "model" / WEIGHTS,
              metadata={"format": "pt"})
    partial.write_bytes(kept)
    status, _ = run(*options(folder, "cut.safetensors", samples=40))
    assert "another model, text or samples" in status, status


def check_output(folder):
    """Behind a symbolic link, with the mode of the file that was there."""
    write_inputs(folder)
    target = folder / "target.safetensors"
    target.write_bytes(b"old")
    target.chmod(0o640)
    (folder / "g.safetensors").symlink_to(target)
    measured(folder, samples=1)
    assert (folder / "g.safetensors").is_symlink() and target.stat().st_mode & 0o777 == 0o640
    assert "norm" not in "".join(load_file(target))


def samples_of(tokenizer):
    tokens = torch.tensor(tokenizer.encode(TEXT).ids)
    starts = ((len(tokens) - LENGTH) * i // (SAMPLES - 1) for i in range(SAMPLES))
    return [tokens[start:start + LENGTH] for start in starts]


def expected_moments(folder, tokenizer):
    """By the book: of each token the input, and the gradient of the output."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    seen = {name: [] for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear)}
    for name in seen:
        def keep(_, inputs, output, calls=seen[name]):
            output.retain_grad()
            calls.append((inputs[0], output))
        model.get_submodule(name).register_forward_hook(keep)
    for sample in samples_of(tokenizer):
        logits = model(sample.unsqueeze(0)).logits[0]
        torch.nn.functional.cross_entropy(logits[:-1], sample[1:]).backward()
    moments = {}
    for name, calls in seen.items():
        x, weights = (torch.cat(parts) for parts in zip(*(
            (inputs[0].detach(), (output.grad[0] ** 2).mean(1)) for inputs, output in calls)))
        moment = torch.einsum("t,ti,tj->ij", weights, x, x)
        moments[name + ".weight"] = moment[tuple(torch.triu_indices(*moment.shape))]
    return moments


def follow_experts(module, seen):
    """The second moments of a module of fused experts, from its inputs and the gradients of its
    outputs alone: [experts, ...] of the inputs, and of what the gate gives."""
    transposed = module.is_transposed

    def multiply(x, name, expert):
        weight, bias = getattr(module, name)[expert], getattr(module, f"{name}_bias", None)
        product = x @ (weight if transposed else weight.T)
        return product if bias is None else product + bias[expert]

    def sum_up(hidden, chosen, shares, gradient):
        for expert in range(module.num_experts):
            token, rank = torch.where(chosen == expert)
            x = hidden[token]
            of_output = gradient[token] * shares[token, rank, None]
            with torch.enable_grad():
                gates = multiply(x, "gate_up_proj", expert).requires_grad_()
                inner = module._apply_gate(gates)
                output = multiply(inner, "down_proj", expert)
                of_gates, = torch.autograd.grad(output, gates, of_output)
            for name, inputs, slope in (("gate_up_proj", x, of_gates),
                                        ("down_proj", inner.detach(), of_output)):
                seen[name][expert] += torch.einsum("t,ti,tj->ij", (slope ** 2).mean(1), inputs,
                                                   inputs)

    def follow(_, args, kwargs, output):
        hidden, chosen, shares = (value.detach() for value in (*args, *kwargs.values()))
        output.register_hook(lambda gradient: sum_up(hidden, chosen, shares, gradient))

    module.register_forward_hook(follow, with_kwargs=True)


def expected_of_experts(folder, tokenizer):
    """By layer and parameter."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder / "model", dtype=torch.float32, experts_implementation="eager").requires_grad_(False)
    model.get_input_embeddings().requires_grad_(True)
    all_seen = {}
    for layer, block in enumerate(model.model.layers):
        experts = block.mlp.experts
        size = {"gate_up_proj": experts.gate_up_proj, "down_proj": experts.down_proj}
        axis = 1 if experts.is_transposed else 2
        all_seen[layer] = {name: torch.zeros(value.shape[0], value.shape[axis], value.shape[axis])
                           for name, value in size.items()}
        follow_experts(experts, all_seen[layer])
    for sample in samples_of(tokenizer):
        logits = model(sample.unsqueeze(0)).logits[0]
        torch.nn.functional.cross_entropy(logits[:-1], sample[1:]).backward()
    return all_seen


def check_moments_of_experts(folder):
    """Of stacks that are stored as such, and of experts that are stored one by one."""
    for family in ("mixtral", "gpt_oss"):
        tokenizer = write_inputs(folder / family, family)
        path = folder / family / "m.safetensors"
        measured(folder / family, "--moments", path)
        found = load_file(path)
        for layer, moments in expected_of_experts(folder / family, tokenizer).items():
            for name, moment in moments.items():
                triangles = moment[(slice(None), *torch.triu_indices(*moment.shape[1:]))]
                begin = f"model.layers.{layer}."
                stored = [found[begin + f"mlp.experts.{name}"]] if family == "gpt_oss" else \
                    [torch.stack([found[f"{begin}block_sparse_moe.experts.{e}.{part}.weight"]
                                  for e in range(len(triangles))])
                     for part in {"gate_up_proj": ("w1", "w3"), "down_proj": ("w2",)}[name]]
                for value in stored:
                    torch.testing.assert_close(value, triangles, rtol=1e-4,
                                               atol=1e-6 * triangles.abs().max().item())
        if PROGRAMS:
            result = subprocess.run(
                [PROGRAMS[0], "quantize", "--quiet", "--model", folder / family / "model",
                 "--gradients", folder / family / "g.safetensors", "--moments", path, "-o",
                 folder / "m.densq"], check=True, capture_output=True, text=True)
            assert "fisher" not in result.stderr, result.stderr
            (folder / "m.densq").unlink()


def assert_near(found, wanted):
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for name, moment in found.items():
        largest = wanted[name].abs().max().item()
        torch.testing.assert_close(moment, wanted[name], rtol=1e-4, atol=1e-6 * largest)


def check_moments(folder):
    """In one group or many, at once or after an interruption; with and without the tied head."""
    tokenizer = write_inputs(folder)
    path, partial = folder / "m.safetensors", folder / "m.safetensors.partial"
    _, printed = measured(folder, "--moments", path)
    found, wanted = load_file(path), expected_moments(folder, tokenizer)
    head = {"model.embed_tokens.weight": wanted.pop("lm_head.weight")}  # tied
    assert_near(found, wanted)
    assert len(found) == 14
    assert "inputs of 14 tensors" in printed and "no moments" not in printed, printed
    whole = path.read_bytes()
    _, printed = measured(folder, "--moments", path)
    assert "it was there already" in printed, printed
    path.rename(partial)
    os.truncate(partial, len(whole) // 2)
    measured(folder, "--moments", path, "--moments-memory", "1e-9")
    assert path.read_bytes() == whole and not partial.exists()
    path.rename(partial)
    status, _ = run(*options(folder, samples=5), "--moments", path)
    assert "another model, text or samples" in status, status
    if PROGRAMS:
        partial.rename(path)
        subprocess.run([PROGRAMS[0], "quantize", "--quiet", "--model", folder / "model", "--bits",
                        "3", "--gradients", folder / "g.safetensors", "--moments", path, "-o",
                        folder / "m.densq"], check=True)
    measured(folder, "--moments", folder / "all.safetensors", "--embeddings")
    assert_near(load_file(folder / "all.safetensors"), wanted | head)
    write_inputs(folder / "states", "mamba")
    _, printed = measured(folder / "states", "--moments", folder / "states" / "m.safetensors")
    assert "no moments of backbone.layers.0.mixer.A_log" in printed, printed


run_checks(check_book, check_devices, check_texts, check_experts, check_resuming, check_ranks,
           check_output, check_moments, check_moments_of_experts, check_families)
