# SPDX-License-Identifier: MIT
"""densq-tune: against autograd by the book, on every family, and on the model of the stories.

    check_tune.py PACKAGE_DIR DENSQ LLAMA
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from families import FAMILIES, TEXT, write_model
from gradients_support import run_checks, run_program
from safetensors.torch import load_file, save_file

from densq_tools import tune, tuning
from densq_tools.causal_model import in_checkpoint_form, load_model
from densq_tools.checkpoint import Checkpoint
from densq_tools.densq_file import DensqFile, Matrix
from densq_tools.tuned import TunedMatrix

_, DENSQ, LLAMA = sys.argv[1:]
STORIES = Path(__file__).resolve().parents[2] / "examples" / "stories"


def run(*arguments):
    return run_program(tune, arguments)


def quantize(model, output, *options):
    subprocess.run([DENSQ, "quantize", "--quiet", "--unweighted", "--model", model, *options, "-o",
                    output], check=True, stderr=subprocess.DEVNULL)
    return output


def write_inputs(folder, family="llama, tied", bits="2"):
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    write_model(folder / "model", family)
    quantize(folder / "model", folder / "in.densq", "--bits", bits)
    return [folder / "in.densq", "--model", folder / "model", "--text", folder / "text.txt", "-o",
            folder / "out.densq", "--steps", 3, "--batch", 1, "--length", 24, "--held-out", 2]


def random_matrix(bits=3, rows=5, cols=40):
    random = np.random.default_rng(2)
    places = np.sort(random.choice(rows * cols, 9, replace=False))
    row_ptr = np.searchsorted(places, np.arange(rows + 1) * cols)
    return Matrix(bits, random.normal(size=(rows, 2 ** bits)).astype(np.float16),
                  random.integers(0, 2 ** bits, (rows, cols)).astype(np.uint8), row_ptr,
                  places % cols, random.normal(size=9).astype(np.float16))


def check_book(_):
    """Decoding, and gradients of tables and sparse values, by autograd; codes of least distance."""
    for bits in (2, 3, 4):
        matrix = random_matrix(bits)
        entry = TunedMatrix(matrix, None, "cpu")
        torch.testing.assert_close(entry.decode(), torch.from_numpy(matrix.dequantize()))
        table, sparse = (entry.learned[kind].clone().requires_grad_(True)
                         for kind in ("table", "sparse"))
        weights = (entry.start + entry.size * table).gather(1, entry.codes.long()).flatten()
        weights = weights.index_put((entry.places,), entry.sparse_size * sparse)
        gradient = torch.randn(matrix.codes.shape)
        (weights * gradient.flatten()).sum().backward()
        found = entry.gradients(gradient)
        torch.testing.assert_close(found["table"], table.grad)
        torch.testing.assert_close(found["sparse"], sparse.grad)

        before = entry.codes.clone()
        original = torch.from_numpy(matrix.dequantize()) + torch.randn(matrix.codes.shape)
        entry.let_codes_move(original)
        entry.move_codes()  # no weight wishes for another code yet
        torch.testing.assert_close(entry.table().gather(1, entry.codes.long()),
                                   entry.table().gather(1, before.long()))
        entry.learned["wishes"] += torch.randn(matrix.codes.shape) / 4
        entry.move_codes()
        distances = (entry.table()[:, None] - (entry.spacing * entry.learned["wishes"])[..., None])
        nearest = distances.abs().min(2)
        chosen = distances.abs().gather(2, entry.codes.long()[..., None])[..., 0]
        assert (before != entry.codes).any()
        torch.testing.assert_close(chosen, nearest.values)
        torch.testing.assert_close(entry.gradients(gradient)["wishes"].flatten()[entry.places],
                                   torch.zeros(9))


def check_entry(_):
    """What goes into the file stands for what was learned, to the rounding of halves."""
    entry = TunedMatrix(random_matrix(), None, "cpu")
    for value in entry.learned.values():
        value += torch.randn(value.shape) / 8
    written = torch.from_numpy(entry.entry().dequantize())
    torch.testing.assert_close(written, entry.decode(), rtol=2 ** -11, atol=1e-6)


def check_families(folder):
    """The student has the weights that densq export writes, wherever transformers keeps them."""
    for family in FAMILIES:
        if family == "gpt2":  # densq quantize refuses it
            continue
        write_inputs(folder, family)
        subprocess.run([DENSQ, "export", "--quiet", "--dtype", "F32", folder / "in.densq",
                        folder / "export"], check=True)
        wanted = load_file(folder / "export" / "model.safetensors")
        model, file = load_model(folder / "model", torch.float32), DensqFile(folder / "in.densq")
        student = tuning.Student(model, file, Checkpoint(folder / "model"))
        assert len(student.matrices()) == len(file.matrices) > 0, family
        found = dict(in_checkpoint_form(model, model.state_dict()))
        for name, values in wanted.items():
            torch.testing.assert_close(found[name].float(), values, rtol=1e-6, atol=1e-7,
                                       msg=f"{family}: {name}")
        shutil.rmtree(folder / "export")
        shutil.rmtree(folder / "model")


def measure(file, baseline, text):
    output = subprocess.run([LLAMA, "perplexity", file, "--baseline", baseline, "--text", text,
                             "--window", "256", "--windows", "8", "--json"], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(output)["kl_mean"]


def check_stories(folder):
    """On another text, by densq-llama: the divergence falls, more so if codes move."""
    lines = (STORIES / "heldout.txt").read_text("utf-8").splitlines(keepends=True)
    learn, other = folder / "learn.txt", folder / "other.txt"
    learn.write_text("".join(lines[:len(lines) // 2]), "utf-8")
    other.write_text("".join(lines[len(lines) // 2:]), "utf-8")
    baseline = quantize(STORIES / "model", folder / "plain.densq", "--exclude", "*")
    file = quantize(STORIES / "model", folder / "in.densq", "--bits", "2")
    divergences = [measure(file, baseline, other)]
    for codes in ("fixed", "move"):
        status, printed = run(file, "--model", STORIES / "model", "--text", learn, "-o",
                              folder / f"{codes}.densq", "--codes", codes, "--steps", 40,
                              "--batch", 2, "--length", 256, "--rate", 2e-3, "--code-rate", 5e-3)
        assert status == 0 and "after, on held-out text" in printed, (status, printed)
        assert (folder / f"{codes}.densq").stat().st_size <= file.stat().st_size + 512
        divergences.append(measure(folder / f"{codes}.densq", baseline, other))
    print("divergence before, with fixed codes, with codes that move:", divergences)
    assert divergences[1] < 0.85 * divergences[0] and divergences[2] < 0.9 * divergences[1]
    options = json.loads(DensqFile(folder / "move.densq").metadata["densq.options"])
    assert options["bits"] == 2 and options["tune"]["codes"] == "move", options


def check_resume(folder):
    """Interrupted after any save: the same bytes."""
    arguments = write_inputs(folder)
    assert run(*arguments)[0] == 0
    wanted = (folder / "out.densq").read_bytes()
    assert wanted != (folder / "in.densq").read_bytes()
    saved = tuning.Tuning.save

    def save_and_stop(self):
        saved(self)
        if self.step == 2:
            raise KeyboardInterrupt

    tuning.Tuning.save = save_and_stop
    status, _ = run(*arguments)
    tuning.Tuning.save = saved
    assert "goes on from the last save" in status, status
    assert (folder / "out.densq.partial").exists()
    status, _ = run(*arguments, "--rate", 1e-3)
    assert "another model, text or options" in status, status
    status, printed = run(*arguments)
    assert status == 0 and "goes on from step 2" in printed, (status, printed)
    assert (folder / "out.densq").read_bytes() == wanted
    assert not (folder / "out.densq.partial").exists()


def check_refusals(folder):
    arguments = write_inputs(folder)
    other = folder / "other"
    write_model(other, "llama, biases")
    strangers = load_file(folder / "model" / "model.safetensors")
    shutil.copytree(folder / "model", folder / "changed")
    save_file({name: torch.randn(values.shape).to(values.dtype)
               for name, values in strangers.items()}, folder / "changed" / "model.safetensors",
              metadata={"format": "pt"})
    (folder / "short.txt").write_text("short", encoding="utf-8")
    damaged = bytearray((folder / "in.densq").read_bytes())
    damaged[-100] ^= 1
    (folder / "damaged.densq").write_bytes(damaged)
    for differences, message in (
            (["--model", other], "from another model"),
            (["--model", folder / "changed"], "little in common with the model's weights"),
            (["--text", folder / "short.txt"], "--length 24 takes at least 48"),
            (["--text", folder / "none.txt"], "no such file"),
            (["--steps", 0], "at least 1"),
            (["--length", 4096], "context of 128 tokens"),
            (["--rate", 1e30], "a smaller --rate"),
            (["--device", "nowhere"], "--device nowhere"),
            (["-o", folder / "absent" / "x.densq"], "no such folder")):
        status, _ = run(*arguments, *differences)
        assert message in str(status), (message, status)
    status, _ = run(folder / "damaged.densq", *arguments[1:])
    assert "CRC" in status, status
    assert not (folder / "out.densq").exists()


run_checks(check_book, check_entry, check_resume, check_refusals, check_stories, check_families)
