# SPDX-License-Identifier: MIT
"""Second moments of what matrices are multiplied by, weighted by how much each token matters.

Of a matrix with inputs x_t at the tokens t: the sum of s_t x_t x_t^T, where s_t is the mean over
the outputs of the squared gradient of the sample's mean cross-entropy (GuidedQuant, Kim et al.
2025, with one group of outputs). As the sums of a model may be more than memory holds, matrices are
measured in groups, each of which takes a pass over all samples.
"""
import contextlib
import dataclasses

import torch

from . import InputError
from .causal_model import in_checkpoint_form
from .products import ProductWatch
from .triangles import TriangleFile, upper_triangle


@dataclasses.dataclass(frozen=True)
class Origin:
    """Which inputs a tensor of the checkpoint is multiplied by: those of slices of a parameter."""
    parameter: str
    slices: tuple
    size: int      # of an input
    stacked: bool  # the tensor is a stack itself


def slices_of(parameter):
    return parameter.shape[0] if parameter.dim() == 3 else 1


class ParameterMoments:
    """Sums over the tokens that a parameter has seen, for each slice; F32, where it is."""

    def __init__(self, parameter, size):
        self.totals = torch.zeros(slices_of(parameter), size, size, device=parameter.device)

    def follow(self, index, inputs, output):
        if not output.requires_grad:  # nothing that the loss depends on
            return
        inputs = inputs.detach()

        def add(gradient):
            if index is None:
                for i, parts in enumerate(zip(inputs, gradient)):
                    self.add(i, *parts)
            else:
                self.add(index, inputs, gradient)

        output.register_hook(add)

    def add(self, index, inputs, gradient):
        tokens = inputs.flatten(0, -2).float()
        weights = gradient.flatten(0, -2).float().square().mean(1, keepdim=True)
        self.totals[index].addmm_((tokens * weights).T, tokens)


@contextlib.contextmanager
def gradients_from_embeddings(model):
    """Has gradients flow through a model none of whose parameters asks for one."""
    handle = model.get_input_embeddings().register_forward_hook(
        lambda _, inputs, output: output + torch.zeros((), device=output.device, dtype=output.dtype,
                                                       requires_grad=True))
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def experts_one_by_one(model):
    """Has experts multiplied one after the other, which ProductWatch sees."""
    if not model._can_set_experts_implementation():
        yield
        return
    before = model.get_experts_implementation()
    model.set_experts_implementation("eager")
    try:
        yield
    finally:
        model.set_experts_implementation(before)


def find_axes(parameters, run_sample):
    """Along which axis a parameter's products are summed; of those that are seen in a sample."""
    axes = {}
    with ProductWatch(parameters, lambda name, axis, *_: axes.setdefault(name, axis)):
        run_sample()
    return axes


def find_origins(model, parameters, axes, checkpoint):
    """Origins of tensors of the checkpoint, by their names.

    Numbers in place of the weights tell where they go: those of a slice and of a place in the
    input. A tensor in which they do not lie as in the parameter has no origin.
    """
    origins = {}
    for name, axis in axes.items():
        shape = parameters[name].shape
        size = shape[axis]
        numbers = torch.arange(size).unsqueeze(-1 if axis == -2 else 0)
        if len(shape) == 3:
            numbers = numbers + size * torch.arange(shape[0]).view(-1, 1, 1)
        for stored, tensor in in_checkpoint_form(model, {name: numbers.expand(shape).clone()}):
            origin = origin_of(name, size, tensor) if stored in checkpoint else None
            if origin:
                origins[stored] = origin
    return dict(sorted(origins.items()))


def origin_of(parameter, size, numbers):
    stacked = numbers.dim() == 3
    for along in (-1, -2) if stacked else (-1,):  # experts may lie as [in, out]
        if numbers.dim() not in (2, 3) or numbers.shape[along] != size:
            continue
        lines = (numbers if stacked else numbers[None]).transpose(along, -1)
        slices = lines[:, 0, 0] // size
        if (lines == size * slices.view(-1, 1, 1) + torch.arange(size)).all():
            return Origin(parameter, tuple(slices.tolist()), size, stacked)
    return None


def first_group(names, origins, counts, memory):
    """As many of the names as have sums of this size; at least one."""
    size, parameters = 0, set()
    for count, name in enumerate(names):
        origin = origins[name]
        if origin.parameter not in parameters:
            parameters.add(origin.parameter)
            size += 4 * counts[origin.parameter] * origin.size ** 2
        if size > memory and count:
            return names[:count]
    return names


def measure_moments(model, parameters, origins, output, facts, memory, ranks, run_samples):
    """Writes the moments of the origins, or those that an interrupted run has not yet written.

    facts: of TriangleFile; memory: bytes for the sums of a group; run_samples(title): a forward and
    a backward pass over this process's samples.  Returns whether there was anything to do.
    """
    shapes = {name: (origin.size, len(origin.slices) if origin.stacked else 0)
              for name, origin in origins.items()}
    file = TriangleFile(output, shapes, facts)
    missing = None
    if ranks.first:
        missing = [] if file.is_finished() else file.resume()
    missing = ranks.agree(missing)
    if not missing:
        return False
    counts = {origin.parameter: slices_of(parameters[origin.parameter])
              for origin in origins.values()}
    while missing:
        group = first_group(missing, origins, counts, memory)
        title = f"{len(origins) - len(missing) + len(group)} of {len(origins)} tensors"
        moments = measure_group({origins[name].parameter: origins[name].size for name in group},
                                model, parameters, lambda: run_samples(title))
        ranks.gather([moment.totals for moment in moments.values()])
        if ranks.first:
            for name in group:
                origin = origins[name]
                for index in origin.slices:
                    total = moments[origin.parameter].totals[index]
                    if not torch.isfinite(total).all():
                        raise InputError(f"the second moments of {name} are not finite")
                    file.append(upper_triangle(total.cpu()))
        missing = missing[len(group):]
    if ranks.first:
        file.finish()
    return True


def measure_group(sizes, model, parameters, run):
    """The moments of parameters, by their names; sizes: of their inputs."""
    moments = {name: ParameterMoments(parameters[name], size) for name, size in sizes.items()}

    def see(name, _, index, inputs, output):
        moments[name].follow(index, inputs, output)

    watch = ProductWatch({name: parameters[name] for name in moments}, see)
    with gradients_from_embeddings(model), experts_one_by_one(model), watch:
        run()
    return moments
