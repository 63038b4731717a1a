# SPDX-License-Identifier: MIT
"""What densq-gradients does: loads, measures sample by sample, writes."""
import json
import math
import sys
import time

import torch
import transformers
from safetensors.torch import save_file
from tqdm import tqdm

from . import InputError, some_of
from .calibration import read_samples
from .causal_model import (block_of, check_parameters, in_checkpoint_form, load_config, load_model,
                           measurable_parameters, require_context)
from .checkpoint import Checkpoint, checksum
from .command import size_text, time_text
from .devices import DTYPES, choose_device, free_memory, on_device, peak_text
from .files import output_file, replace_file, require_file, require_space
from .moments import experts_one_by_one, find_axes, find_origins, measure_moments
from .ranks import Ranks
from .sums import Sums, identify

SAMPLES_BETWEEN_SAVES = 10
MOMENTS_SHARE = 0.5  # of the free memory, for their sums


def note(text):
    print(f"densq-gradients: {text}", file=sys.stderr, flush=True)


def check_arguments(args):
    for path in args.text:
        require_file(path)
    if args.samples < len(args.text):
        raise InputError(f"--samples must be at least {len(args.text)}, one of each text")
    if args.length < 2:
        raise InputError("--length must be at least 2: the first token predicts the second")


def placement(device, weight_bytes, all_bytes):
    """Of from_pretrained: each GPU keeps room for the sums of the weights that it holds."""
    if device is not None:
        return on_device(device)
    room = 0.9 * weight_bytes / all_bytes
    return {"device_map": "auto", "max_memory": {
        gpu: int(torch.cuda.mem_get_info(gpu)[0] * room)
        for gpu in range(torch.cuda.device_count())} or None}


def require_placed(model):
    """Accelerate fetches offloaded weights for each use, and their gradients get lost."""
    places = set(map(str, getattr(model, "hf_device_map", {}).values()))
    if "disk" in places or "cpu" in places and len(places) > 1:
        raise InputError("the GPUs are too small for the model and the sums; --compute-dtype bf16 "
                         "needs less, --device cpu uses the memory of the CPU")


def prepare_model(args, checkpoint, ranks):
    """The model, and what its checkpoint has besides it."""
    dtype, device = DTYPES[args.compute_dtype], choose_device(args.device, ranks)
    weight_bytes = checkpoint.weights() * dtype.itemsize
    all_bytes = weight_bytes + checkpoint.weights() * torch.float32.itemsize
    free, processes = free_memory(device), f"each of {ranks.count} processes: "
    if ranks.first:
        note(f"{processes if ranks.count > 1 else ''}on {device or 'all GPUs'}: "
             f"{size_text(weight_bytes)} of weights in {args.compute_dtype}, up to "
             f"{size_text(all_bytes - weight_bytes)} of sums, and a sample's activations; "
             f"{size_text(free)} are free")
        if all_bytes > free:
            note("warning: that is more than is free")
    model = load_model(args.model, dtype, **placement(device, weight_bytes, all_bytes))
    require_placed(model)
    return model, check_parameters(model, checkpoint)


def mean_cross_entropy(model, sample):
    """Of each token of the sample but the first, predicted from those before it."""
    sample = sample.to(model.get_input_embeddings().weight.device)
    logits = model(input_ids=sample.unsqueeze(0), use_cache=False).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits.float(), sample[1:].to(logits.device))


def measure_inputs(args, model, checkpoint, samples, identity, ranks):
    """Writes the second moments of what the model multiplies its matrices by."""
    parameters = measurable_parameters(model, args.embeddings)
    with experts_one_by_one(model), torch.no_grad():
        axes = find_axes(parameters, lambda: mean_cross_entropy(model, samples[0]))
    origins = find_origins(model, parameters, axes, checkpoint)
    if not origins:
        raise InputError(f"{type(model).__name__} multiplies no matrix of the checkpoint by its "
                         "inputs in a way that this program can see")
    output = output_file(args.moments)
    size = sum(2 * origin.size * (origin.size + 1) * len(origin.slices)
               for origin in origins.values())
    require_space(output.parent, size)
    device = next(model.parameters()).device
    memory = args.moments_memory * 1e9 if args.moments_memory else \
        MOMENTS_SHARE * free_memory(device)
    own = samples[ranks.own::ranks.count]

    def run_samples(title):
        for sample in tqdm(own, unit="sample", desc=f"moments, {title}",
                           disable=None if ranks.first else True):
            mean_cross_entropy(model, sample).backward()

    facts = {"identity": identity, "samples": args.samples, "length": args.length,
             "compute_dtype": args.compute_dtype, "transformers": transformers.__version__}
    measured = measure_moments(model, parameters, origins, output, facts, memory, ranks,
                               run_samples)
    if ranks.first:
        covered = {origin.parameter for origin in origins.values()}
        if without := sorted(name for name in parameters if name not in covered and block_of(name)):
            note(f"no moments of {some_of(without)}, by which nothing is multiplied in a way that "
                 "this program can see; densq quantize falls back to the method 'fisher' for such "
                 "matrices")
        print(f"{args.moments}: second moments of the inputs of {len(origins)} tensors, "
              f"{size_text(size)}" + ("" if measured else "; it was there already"))


def measure(model, samples, sums, ranks):
    """Adds the squared gradients of the samples that are not yet in the sums."""
    versions = {name: parameter._version for name, parameter in model.named_parameters()}
    rounds_between_saves = math.ceil(SAMPLES_BETWEEN_SAVES / ranks.count)
    progress = tqdm(total=len(samples), initial=sums.done, unit="sample",
                    disable=None if ranks.first else True)
    begin, first = time.monotonic(), sums.done
    for number, at in enumerate(range(sums.done, len(samples), ranks.count), start=1):
        if at + ranks.own < len(samples):
            loss = mean_cross_entropy(model, samples[at + ranks.own])
            if not torch.isfinite(loss):
                raise InputError(f"the loss of sample {at + ranks.own} is {loss.item()}")
            loss.backward()
            progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        sums.done = min(at + ranks.count, len(samples))
        progress.update(sums.done - at)
        if at == first:
            require_unchanged(model, versions)
            if ranks.first:
                seconds = (time.monotonic() - begin) * math.ceil((len(samples) - at) / ranks.count)
                note(f"about {time_text(seconds)}, judged by the first sample")
        if number % rounds_between_saves == 0 and sums.done < len(samples):
            ranks.gather(sums.values.values())
            if ranks.first:
                sums.save()
    ranks.gather(sums.values.values())


def require_unchanged(model, versions):
    changed = [name for name, parameter in model.named_parameters()
               if parameter._version != versions[name]]
    if changed:
        raise InputError(f"{type(model).__name__} changes its weights while it computes: "
                         f"{some_of(changed)}")


def without_part(values):
    """Names of sums in blocks where all are zero: what the model does not use for text."""
    used = {block_of(name) or name for name, total in values.items() if total.any()}
    return {name for name in values if (block_of(name) or name) not in used}


def output_tensors(model, checkpoint, values, dtype):
    """The sums by the names of the checkpoint, where tied tensors may have several."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    by_parameter = {id(parameters[name]): total for name, total in values.items()}
    totals = {name: by_parameter[id(parameter)] for name, parameter in parameters.items()
              if id(parameter) in by_parameter}
    return {name: total.to("cpu", dtype, copy=True).contiguous()
            for name, total in in_checkpoint_form(model, totals) if name in checkpoint}


def count_unreached(tensors):
    """Matrices that are wholly zero, and all."""
    matrices = [matrix for tensor in tensors.values()
                for matrix in (tensor if tensor.dim() == 3 else [tensor])]
    return sum(not matrix.any() for matrix in matrices), len(matrices)


def write(args, output, model, checkpoint, sums, left_out):
    sums.check()
    unused = without_part(sums.values)
    values = {name: total for name, total in sums.values.items() if name not in unused}
    tensors = output_tensors(model, checkpoint, values, DTYPES[args.dtype])
    left_out = sorted([*left_out, *unused])
    if left_out:
        note(f"left out, as the model does not use them: {some_of(left_out)}")
    unreached, matrices = count_unreached(tensors)
    if unreached:
        note(f"{unreached} of {matrices} matrices were reached by no token, their squared "
             "gradients are zero; more samples reach more")
    how = {"samples": args.samples, "length": args.length, "compute_dtype": args.compute_dtype,
           "transformers": transformers.__version__}
    metadata = {"densq.gradients": json.dumps(how)}  # one entry, as safetensors has no order
    replace_file(output, lambda path: save_file(tensors, path, metadata=metadata))
    sums.path.unlink(missing_ok=True)
    print(f"{args.output}: squared gradients of {matrices} matrices over {args.samples} samples of "
          f"{args.length} tokens; {peak_text()} at most")


def run(args):
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    check_arguments(args)
    output = output_file(args.output)
    config = load_config(args.model)
    text_config = config.get_text_config()
    require_context(text_config, args.length)
    checkpoint = Checkpoint(args.model)
    require_space(output.parent, checkpoint.weights() * (4 + DTYPES[args.dtype].itemsize))
    samples = read_samples(args.model, args.text, args.samples, args.length,
                           text_config.vocab_size)
    ranks = Ranks()
    ranks.join()
    try:
        model, left_out = prepare_model(args, checkpoint, ranks)
        parameters = measurable_parameters(model, args.embeddings)
        checksums = {name: checksum(checkpoint.read(name)) for name in checkpoint}
        if args.moments:
            measure_inputs(args, model, checkpoint, samples,
                           identify(samples, checksums, "moments", args.compute_dtype), ranks)
        sums = Sums(parameters, output, identify(samples, checksums, sorted(parameters),
                                                 args.compute_dtype))
        if ranks.first:
            sums.resume()
        sums.done = ranks.agree(sums.done)
        sums.follow(parameters)
        measure(model, samples, sums, ranks)
        if ranks.first:
            write(args, output, model, checkpoint, sums, left_out)
    except torch.OutOfMemoryError as error:
        raise InputError(f"{error} --compute-dtype bf16 and a smaller --length need less, --device "
                         "auto uses all GPUs") from error
    finally:
        ranks.leave()
