# SPDX-License-Identifier: MIT
"""Second moments of the inputs of linear layers, weighted by how much each token matters.

Of a layer with inputs x_t at the tokens t: the sum of s_t x_t x_t^T, where s_t is the mean over the
outputs of the squared gradient of the sample's mean cross-entropy (GuidedQuant, Kim et al. 2025,
with one group of outputs). As the sums of all layers may be more than memory holds, layers are
measured in groups, each of which takes a pass over all samples.
"""
import contextlib

import torch

from . import InputError
from .causal_model import block_of, in_checkpoint_form
from .triangles import TriangleFile, upper_triangle


def linear_layers(model, checkpoint):
    """Linear layers by the names of their weights in the checkpoint, and the number of matrices in
    layers of the model that are in none of them."""
    ends = {id(end) for end in (model.get_input_embeddings(), model.get_output_embeddings())}
    layers, covered = {}, set()
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear) or id(module) in ends:
            continue
        stored = list(in_checkpoint_form(model, {f"{name}.weight": module.weight}))
        if len(stored) == 1 and stored[0][0] in checkpoint \
                and stored[0][1].shape == module.weight.shape:
            layers[stored[0][0]] = module
            covered.add(id(module.weight))
    without = sum(parameter.dim() in (2, 3) and id(parameter) not in covered
                  for name, parameter in model.named_parameters() if block_of(name))
    return dict(sorted(layers.items())), without


class LayerMoment:
    """Sums over the tokens that a layer has seen; F32, where the layer is."""

    def __init__(self, layer):
        self.total = torch.zeros(layer.in_features, layer.in_features,
                                 device=layer.weight.device)
        self.handle = layer.register_forward_hook(self.follow)

    def follow(self, _, inputs, output):
        if not output.requires_grad:  # nothing that the loss depends on
            return
        tokens = inputs[0].detach().flatten(0, -2).float()

        def add(gradient):
            weights = gradient.flatten(0, -2).float().square().mean(1, keepdim=True)
            self.total.addmm_((tokens * weights).T, tokens)

        output.register_hook(add)


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


def first_group(names, layers, memory):
    """As many of the names as have sums of this size; at least one."""
    size = 0
    for count, name in enumerate(names):
        size += 4 * layers[name].in_features ** 2
        if size > memory and count:
            return names[:count]
    return names


def measure_moments(model, layers, output, facts, memory, ranks, run_samples):
    """Writes the moments of the layers, or those that an interrupted run has not yet written.

    facts: of TriangleFile; memory: bytes for the sums of a group; run_samples(title): a forward and
    a backward pass over this process's samples.  Returns whether there was anything to do.
    """
    file = TriangleFile(output, {name: layer.in_features for name, layer in layers.items()}, facts)
    missing = None
    if ranks.first:
        missing = [] if file.is_finished() else file.resume()
    missing = ranks.agree(missing)
    if not missing:
        return False
    while missing:
        group = first_group(missing, layers, memory)
        moments = {name: LayerMoment(layers[name]) for name in group}
        with gradients_from_embeddings(model):
            run_samples(f"{len(layers) - len(missing) + len(group)} of {len(layers)} layers")
        for moment in moments.values():
            moment.handle.remove()
        ranks.gather([moment.total for moment in moments.values()])
        while ranks.first and moments:
            name = next(iter(moments))
            total = moments.pop(name).total
            if not torch.isfinite(total).all():
                raise InputError(f"the second moments of {name} are not finite")
            file.append(upper_triangle(total.cpu()))
        missing = missing[len(group):]
    if ranks.first:
        file.finish()
    return True
