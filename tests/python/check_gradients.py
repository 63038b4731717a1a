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


def expected_moments(folder, tokenizer):
    """By the book: of each token the input, and the gradient of the output."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    seen = {name: [] for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and name != "lm_head"}
    for name in seen:
        def keep(_, inputs, output, calls=seen[name]):
            output.retain_grad()
            calls.append((inputs[0], output))
        model.get_submodule(name).register_forward_hook(keep)
    tokens = torch.tensor(tokenizer.encode(TEXT).ids)
    for i in range(SAMPLES):
        start = (len(tokens) - LENGTH) * i // (SAMPLES - 1)
        sample = tokens[start:start + LENGTH]
        logits = model(sample.unsqueeze(0)).logits[0]
        torch.nn.functional.cross_entropy(logits[:-1], sample[1:]).backward()
    moments = {}
    for name, calls in seen.items():
        x, weights = (torch.cat(parts) for parts in zip(*(
            (inputs[0].detach(), (output.grad[0] ** 2).mean(1)) for inputs, output in calls)))
        moment = torch.einsum("t,ti,tj->ij", weights, x, x)
        moments[name + ".weight"] = moment[tuple(torch.triu_indices(*moment.shape))]
    return moments


def check_moments(folder):
    """In one group or many, at once or after an interruption; those of experts are left out."""
    tokenizer = write_inputs(folder)
    path, partial = folder / "m.safetensors", folder / "m.safetensors.partial"
    _, printed = measured(folder, "--moments", path)
    found, wanted = load_file(path), expected_moments(folder, tokenizer)
    assert found.keys() == wanted.keys() and len(found) == 14
    for name, moment in found.items():
        largest = wanted[name].abs().max().item()
        torch.testing.assert_close(moment, wanted[name], rtol=1e-4, atol=1e-6 * largest)
    assert "inputs of 14 layers" in printed and "have no moments" not in printed, printed
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
    write_inputs(folder / "experts", "mixtral")
    _, printed = measured(folder / "experts", "--moments", folder / "experts" / "m.safetensors")
    assert "are in no linear layer of their own, like fused experts" in printed, printed


run_checks(check_book, check_devices, check_texts, check_experts, check_resuming, check_ranks,
           check_output, check_moments, check_families)
