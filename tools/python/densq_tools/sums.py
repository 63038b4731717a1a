# SPDX-License-Identifier: MIT
"""Sums of squared gradients, and their copy on disk from which an interrupted run goes on."""
import contextlib
import hashlib
import json

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from . import InputError
from .files import replace_file


def identify(samples, checksums, config, compute_dtype):
    """What the sums depend on, as a word."""
    words = json.dumps([config, sorted(checksums.items()), str(compute_dtype)])
    return hashlib.sha256(samples.numpy().tobytes() + words.encode()).hexdigest()


@contextlib.contextmanager
def open_state(path, identity, what):
    """The safetensors file that an interrupted run has left.  what: its identity depends on."""
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("identity") != identity:
                raise InputError(f"{path} is from a run with another {what}; delete it to begin "
                                 "anew")
            yield file
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read: {error}; delete it") from error


class Sums:
    """F32, where the parameters are; `done` samples are in them."""

    def __init__(self, parameters, output, identity):
        self.path = output.with_name(output.name + ".partial")
        self.identity = identity
        self.done = 0
        self.values = {name: torch.zeros_like(parameter, dtype=torch.float32)
                       for name, parameter in parameters.items()}

    def bytes(self):
        return sum(total.nbytes for total in self.values.values())

    def resume(self):
        """Takes up the file of an interrupted run, if it was one with the same samples."""
        if not self.path.is_file():
            return
        with open_state(self.path, self.identity, "model, text or samples") as file:
            for name, total in self.values.items():
                total.copy_(file.get_tensor(name))
            self.done = int(file.metadata()["done"])

    def save(self):
        metadata = {"identity": self.identity, "done": str(self.done)}
        replace_file(self.path, lambda path: save_file(self.values, path, metadata=metadata))

    def follow(self, parameters):
        """Has every backward pass add the square of each gradient, which is then dropped."""
        def add_to(total):
            def hook(parameter):
                gradient = parameter.grad.float()
                total.addcmul_(gradient, gradient)
                parameter.grad = None  # at once, so that only one layer's gradient is alive
            return hook

        for name, parameter in parameters.items():
            hook = add_to(self.values[name])
            parameter.requires_grad_(True).register_post_accumulate_grad_hook(hook)

    def check(self):
        for name, total in self.values.items():
            if not torch.isfinite(total).all():
                raise InputError(f"the squared gradients of {name} are not finite")
        if not any(total.any() for total in self.values.values()):
            raise InputError("all gradients are zero")
