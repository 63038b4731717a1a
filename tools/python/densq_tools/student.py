# SPDX-License-Identifier: MIT
"""A model of transformers with the weights of a .densq file, which learn."""
import json

import torch

from . import InputError, some_of
from .densq_file import write_densq
from .tuned import TunedMatrix, TunedVector, values_of
from .weight_views import find_views

LEAST_LIKENESS = 0.3  # cosine of quantized and original weights; that of other models is near 0


class Student:
    def __init__(self, model, file, checkpoint):
        """model: with the weights of the checkpoint, which the file takes the place of."""
        self.model, self.file = model, file
        self.parameters = dict(model.named_parameters())
        views = with_slices(find_views(model, self.parameters), file)
        self._require_all(file.tensors, set(checkpoint))
        self._require_all(file.matrices, views)
        self.tuned = {name: self._matrix(name, views[name]) for name in file.matrices}
        for name in file.tensors:
            if name in views:
                self._take_tensor(name, views[name])
        self.decode()
        for entry in self.tuned.values():
            self.parameters[entry.view.parameter].requires_grad_(True)

    def _require_all(self, names, known):
        if strange := sorted(set(names) - set(known)):
            raise InputError(f"{self.file.path}: {some_of(strange)}: the model has no such tensor, "
                             "or transformers keeps it in a form that densq-tune does not know; is "
                             "--model what the file was made from?")

    def _require_near(self, true, name, what):
        if not true:
            raise InputError(f"{self.file.path}: {name} {what}: the file was made from another "
                             "model")

    def _matrix(self, name, view):
        rows, cols, *_ = self.file.matrices[name]
        original = view.of(self.parameters[view.parameter]).float()
        self._require_near(view.shape == (rows, cols), name,
                           f"is {rows} x {cols}, in the model "
                           f"{' x '.join(map(str, view.shape))}")
        entry = TunedMatrix(self.file.matrix(name), view, original.device)
        likeness = torch.cosine_similarity(entry.decode().flatten(), original.flatten(), dim=0)
        self._require_near(likeness > LEAST_LIKENESS, name, "has little in common with the model's "
                           f"weights (cosine {likeness:.2f})")
        return entry

    def _take_tensor(self, name, view):
        tensor, target = self.file.tensor(name), view.of(self.parameters[view.parameter])
        self._require_near(tensor.shape == view.shape, name,
                           f"has the shape {tensor.shape}, in the model {view.shape}")
        target.copy_(values_of(tensor))
        if target.dim() == 1:
            self.tuned[name] = TunedVector(tensor, view, target.device)

    def matrices(self):
        return [entry for entry in self.tuned.values() if isinstance(entry, TunedMatrix)]

    @torch.no_grad()
    def let_codes_move(self, teacher):
        """teacher: the unquantized model."""
        originals = dict(teacher.named_parameters())
        for entry in self.matrices():
            entry.let_codes_move(entry.view.of(originals[entry.view.parameter]).float())

    @torch.no_grad()
    def move_codes(self):
        for entry in self.matrices():
            entry.move_codes()

    @torch.no_grad()
    def decode(self):
        for entry in self.tuned.values():
            entry.view.of(self.parameters[entry.view.parameter]).copy_(entry.decode())

    @torch.no_grad()
    def take_gradients(self, scale):
        """From the parameters to what is learned."""
        for entry in self.tuned.values():
            gradient, found = self.parameters[entry.view.parameter].grad, {}
            if gradient is not None:  # else it is that of an expert that no token has reached
                found = entry.gradients(entry.view.of(gradient.contiguous()).float() * scale)
            for kind, value in entry.learned.items():
                value.grad = found.get(kind)
        self.model.zero_grad(set_to_none=True)

    def learned(self):
        """{name and kind: tensor}"""
        return {f"{name}:{kind}": value for name, entry in self.tuned.items()
                for kind, value in entry.learned.items()}

    def state(self):
        """A copy of what the file is written from."""
        learned = {name: value.clone() for name, value in self.learned().items()
                   if not is_wish(name)}
        codes = {f"{name}:codes": entry.codes.clone() for name, entry in self.tuned.items()
                 if isinstance(entry, TunedMatrix)}
        return learned | codes

    @torch.no_grad()
    def set_state(self, state):
        """state: a copy of this one, or of learned() too."""
        for name, value in self.learned().items():
            if name in state:
                value.copy_(state[name])
        for name, entry in self.tuned.items():
            if isinstance(entry, TunedMatrix):
                entry.codes = state[f"{name}:codes"].to(entry.codes.device).clone()
        self.decode()

    def write(self, path, facts):
        """facts: of the tuning, for the metadata."""
        options = json.loads(self.file.metadata.get("densq.options", "{}"))
        metadata = {**self.file.metadata, "densq.options": json.dumps({**options, "tune": facts})}
        entries = {name: entry.entry for name, entry in self.tuned.items()}
        others = {name: (lambda name=name: self.file.tensor(name)) for name in self.file.tensors
                  if name not in entries}
        write_densq(path, metadata, {name: entries.pop(name) for name in self.file.matrices},
                    entries | others)


def is_wish(name):
    return name.endswith(":wishes")


def with_slices(views, file):
    """views, and those of the slices of stacks under the names that they have in the file."""
    slices = {}
    for stack, facts in json.loads(file.metadata.get("densq.slices", "{}")).items():
        for index in range(facts["slices"] if stack in views else 0):
            slices[f"{stack}.{index}"] = views[stack].matrix(index, facts["transposed"])
    return views | slices
