# SPDX-License-Identifier: MIT
"""A causal language model of transformers, whose parameters are known by their checkpoint's names.

transformers may hold tensors under other names and in other shapes than a checkpoint: experts that
are stored one by one are one parameter. What it does when it saves a model turns them back, weights
as well as what is measured of them. Nothing is believed: every parameter must come out as the bits
of the checkpoint, or the model is refused.
"""
import collections
import json
import re

import torch
from transformers import (MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM,
                          __version__)
from transformers.core_model_loading import revert_weight_conversion

from . import InputError, some_of
from .checkpoint import bytes_of
from .files import read_bytes


def load_config(folder):
    path = folder / "config.json"
    if not path.exists():
        raise InputError(f"{folder}: is not a model folder: it has no config.json")
    try:
        stored = json.loads(read_bytes(path))
        method = (stored.get("quantization_config") or {}).get("quant_method")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not a configuration: {error}") from error
    if "quantization_config" in stored:
        raise InputError(f"{folder}: is quantized already ({method}); gradients are those of the "
                         "original checkpoint in BF16, F16 or F32")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever its classes raise
        raise InputError(f"{path}: transformers {__version__} cannot use it: {error}") from error
    masked = any(name.endswith("ForMaskedLM") for name in config.architectures or [])
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING or config.is_encoder_decoder or masked:
        raise InputError(f"{folder}: {config.model_type} is no causal language model of "
                         f"transformers {__version__}; without gradients, densq quantize "
                         "--unweighted takes it")
    check_experts(path, config.get_text_config())
    return config


def check_experts(path, config):
    chosen = getattr(config, "num_experts_per_tok", None) or 0
    for name in ("num_experts", "num_local_experts", "n_routed_experts"):
        experts = getattr(config, name, None)
        if experts and chosen > experts:
            raise InputError(f"{path}: num_experts_per_tok is {chosen}, {name} only {experts}")


def require_context(config, length):
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and length > limit:
        raise InputError(f"--length {length} exceeds the model's context of {limit} tokens")


def load_model(folder, dtype, **placement):
    """placement: of from_pretrained, where the weights are to be."""
    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, output_loading_info=True, local_files_only=True,
            trust_remote_code=False, use_safetensors=True, ignore_mismatched_sizes=True,
            **placement)  # what does not fit is found below
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever its classes raise
        raise InputError(f"{folder}: transformers cannot load it: {error}") from error
    for kind, keys in found.items():
        if keys:
            names = some_of(sorted(str(key[0] if isinstance(key, tuple) else key) for key in keys))
            raise InputError(f"{folder}: {kind.replace('_', ' ')}: {names}; its config.json and "
                             "its tensors are not of the same model")
    if hasattr(model.config, "rescale_every"):
        model.config.rescale_every = 0  # RWKV would divide its weights while it computes
    return model.eval().requires_grad_(False)


def block_of(name):
    """The decoder layer that a name belongs to; empty: none."""
    match = re.match(r".*?\.\d+\.", name)
    return match[0] if match else ""


def in_checkpoint_form(model, tensors):
    """Pairs of name and tensor as in the checkpoint, of tensors by the names of parameters."""
    blocks = collections.defaultdict(dict)
    for name, tensor in tensors.items():
        blocks[block_of(name)][name] = tensor
    for block in blocks.values():
        yield from revert_weight_conversion(model, block).items()


def same_bits(stored, value):
    stored = stored.to(value.dtype)
    return stored.shape == value.shape and torch.equal(bytes_of(stored), bytes_of(value.cpu()))


def check_parameters(model, checkpoint):
    """Refuses a model unless all that it has is a tensor of the checkpoint, or tied to one.

    Returns the names of tensors that the model does not have.
    """
    tensors = dict([*model.named_parameters(remove_duplicate=False), *model.named_buffers()])
    own = set(map(id, tensors.values()))
    known, confirmed, others = set(), set(), {}
    for name, value in in_checkpoint_form(
            model, {name: tensors[name] for name in model.state_dict()}):
        if name in checkpoint and same_bits(checkpoint.read(name), value):
            known.add(name)
            confirmed.add(id(value))
        else:
            others[name] = id(value)
    wrong = [name for name, value in others.items() if value not in own & confirmed]
    if wrong:
        raise InputError(f"{checkpoint.folder}: transformers {__version__} computes with other "
                         f"weights than the checkpoint has: {some_of(wrong)}")
    return sorted(set(checkpoint) - known)


def measurable_parameters(model, embeddings):
    """Matrices and stacks of matrices, by their names; embedding and output head if asked for."""
    ends = [end.weight for end in (model.get_input_embeddings(), model.get_output_embeddings())
            if end is not None]
    return {name: parameter for name, parameter in model.named_parameters()
            if parameter.dim() in (2, 3)
            and (embeddings or not any(parameter is end for end in ends))}
