# SPDX-License-Identifier: MIT
"""Where a checkpoint's tensors lie in the parameters of transformers, which may have other names
and shapes: experts stacked, matrices side by side or transposed."""
import dataclasses

import torch

from .causal_model import in_checkpoint_form


@dataclasses.dataclass(frozen=True)
class WeightView:
    """A part of a contiguous parameter that has the shape of a tensor of the checkpoint."""
    parameter: str
    shape: tuple
    strides: tuple
    offset: int

    def of(self, tensor):
        """tensor: the parameter, or its gradient."""
        return tensor.as_strided(self.shape, self.strides, tensor.storage_offset() + self.offset)

    def matrix(self, index, transposed):
        """The view of a slice of a stack."""
        view = dataclasses.replace(self, shape=self.shape[1:], strides=self.strides[1:],
                                   offset=self.offset + index * self.strides[0])
        return dataclasses.replace(view, shape=view.shape[::-1], strides=view.strides[::-1]) \
            if transposed else view


def find_views(model, parameters):
    """{name in the checkpoint: WeightView}, of parameters by their names.

    Numbers in place of the weights tell where they go. Where these are not evenly spaced there is
    no view.
    """
    views = {}
    for name, parameter in parameters.items():
        if not parameter.is_contiguous():
            continue
        numbers = torch.arange(parameter.numel()).view(parameter.shape)
        for stored, found in in_checkpoint_form(model, {name: numbers}):
            view = view_of(name, found)
            if view and torch.equal(view.of(numbers), found):
                views[stored] = view
    return views


def view_of(name, numbers):
    """The only view that these numbers can be."""
    if numbers.dtype != torch.int64 or not numbers.numel():
        return None
    first = numbers[(0,) * numbers.dim()].item()
    strides = [numbers.select(axis, 1)[(0,) * (numbers.dim() - 1)].item() - first
               if numbers.shape[axis] > 1 else 0 for axis in range(numbers.dim())]
    if min(strides, default=0) < 0:
        return None
    return WeightView(name, tuple(numbers.shape), tuple(strides), first)
