# SPDX-License-Identifier: MIT
"""Write the squared gradients of a Hugging Face causal language model.

For every linear layer inside the decoder layers, the output holds the sum over
the samples of the squared gradient of the sample's mean cross-entropy (labels =
inputs). Every other tensor holds the ordinary weight. Names and shapes are those
of the model: this is the form that SqueezeLLM-gradients writes. Sums are
accumulated in F32 and rounded once, when they are saved.

Memory: the weights in F32, as much again for the sums, the gradient of one layer,
and the activations of one sample; the program says how much it took.

A run that was interrupted goes on where it was when it is started again: the sums
so far lie beside the output, under its name with .partial at the end.
"""
import argparse
import hashlib
import json
import resource
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

from . import InputError
from .files import replace_file

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
SAMPLES_BETWEEN_SAVES = 10


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face model folder")
    parser.add_argument("--text", type=Path, required=True, help="calibration text (UTF-8)")
    parser.add_argument("--samples", type=int, default=100,
                        help="windows of text, spread evenly over the file (default %(default)s)")
    parser.add_argument("--length", type=int, default=512,
                        help="tokens in a window (default %(default)s)")
    parser.add_argument("--embeddings", action="store_true",
                        help="squared gradients of the embedding and the output head too")
    parser.add_argument("--output", type=Path, default=Path("gradients.safetensors"),
                        help="file to write (default %(default)s)")
    parser.add_argument("--dtype", choices=DTYPES, default="bf16",
                        help="of all tensors in the file (default %(default)s)")
    return parser.parse_args()


def check_arguments(args):
    if not (args.model / "config.json").is_file():
        raise InputError(f"{args.model} is not a model folder: it has no config.json")
    if not args.text.is_file():
        raise InputError(f"{args.text}: no such text file")
    if not args.output.absolute().parent.is_dir():
        raise InputError(f"{args.output.absolute().parent}: no such folder for the output")
    if args.samples < 1:
        raise InputError("--samples must be at least 1")
    if args.length < 2:
        raise InputError("--length must be at least 2: the first token predicts the second")


def load_model(folder, length):
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    except ValueError as error:
        raise InputError(f"{folder}: {error}") from error
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and length > limit:
        raise InputError(f"--length {length} exceeds the model's context of {limit} tokens")
    return model.eval().requires_grad_(False)


def read_samples(args):
    """Windows of tokens at evenly spread positions, as a tensor [samples, length]."""
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    try:
        text = args.text.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{args.text} is not UTF-8: {error}") from error
    tokens = torch.tensor(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)
    last_start = len(tokens) - args.length
    if last_start < 0:
        raise InputError(f"{args.text} has {len(tokens)} tokens, fewer than --length {args.length}")
    steps = max(args.samples - 1, 1)
    starts = [last_start * i // steps for i in range(args.samples)]
    return torch.stack([tokens[start : start + args.length] for start in starts])


def chosen_weights(model, embeddings):
    """Weights of the linear layers that lie in a list of layers, by their full names."""
    layer_lists = tuple(name + "." for name, module in model.named_modules()
                        if isinstance(module, torch.nn.ModuleList))
    weights = {
        f"{name}.weight": module.weight
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.startswith(layer_lists)
    }
    if not weights:
        raise InputError(f"{type(model).__name__} has no torch.nn.Linear in its decoder layers")
    if embeddings:
        ends = (model.get_input_embeddings(), model.get_output_embeddings())
        # A tied head is the embedding's weight under another name, which named_parameters skips.
        weights.update((name, weight) for name, weight in model.named_parameters()
                       if any(end is not None and weight is end.weight for end in ends))
    return weights


class Sums:
    """The sums so far, and their copy on disk."""

    def __init__(self, weights, samples, args):
        self.path = args.output.with_name(args.output.name + ".partial")
        self.done = 0
        self.values = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        config = (args.model / "config.json").read_bytes()
        self.identity = hashlib.sha256(
            samples.numpy().tobytes() + config + json.dumps(sorted(weights)).encode()).hexdigest()

    def resume(self):
        """Takes up the file of an interrupted run, if it was one with the same samples."""
        if not self.path.is_file():
            return
        try:
            with safe_open(self.path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("identity") != self.identity:
                    raise InputError(f"{self.path} is from a run with another model, text or "
                                     "samples; delete it to begin anew")
                for name, total in self.values.items():
                    total.copy_(file.get_tensor(name))
                self.done = int(metadata["done"])
        except SafetensorError as error:
            raise InputError(f"{self.path} cannot be read: {error}; delete it") from error

    def save(self):
        metadata = {"identity": self.identity, "done": str(self.done)}
        replace_file(self.path, lambda path: save_file(self.values, path, metadata=metadata))


def add_squared_gradients(model, weights, samples, sums):
    def add_to(total):
        def hook(weight):
            total.addcmul_(weight.grad, weight.grad)
            weight.grad = None  # at once, so that only one layer's gradient is alive
        return hook

    for name, weight in weights.items():
        weight.requires_grad_(True).register_post_accumulate_grad_hook(add_to(sums.values[name]))

    progress = tqdm(samples.unsqueeze(1)[sums.done:], unit="sample", initial=sums.done,
                    total=len(samples), disable=None)
    for sample in progress:
        loss = model(input_ids=sample, labels=sample, use_cache=False).loss
        if not torch.isfinite(loss):
            raise InputError(f"the loss of a sample is {loss.item()}")
        loss.backward()
        progress.set_postfix(loss=f"{loss.item():.3f}")
        sums.done += 1
        if sums.done % SAMPLES_BETWEEN_SAVES == 0 and sums.done < len(samples):
            sums.save()

    for name, total in sums.values.items():
        if not torch.isfinite(total).all():
            raise InputError(f"the squared gradients of {name} are not finite")


def tensors_to_save(model, sums, dtype):
    """The model's state with the sums in place of weights; tied tensors appear once."""
    tensors, seen = {}, set()
    for name, weight in model.state_dict().items():
        if weight.data_ptr() not in seen:
            seen.add(weight.data_ptr())
            tensors[name] = sums.get(name, weight).to(dtype).contiguous()
    return tensors


def run(args):
    check_arguments(args)
    samples = read_samples(args)
    model = load_model(args.model, args.length)
    weights = chosen_weights(model, args.embeddings)
    sums = Sums(weights, samples, args)
    sums.resume()
    add_squared_gradients(model, weights, samples, sums)
    tensors = tensors_to_save(model, sums.values, DTYPES[args.dtype])
    replace_file(args.output, lambda path: save_file(tensors, path, metadata={"format": "pt"}))
    sums.path.unlink(missing_ok=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{args.output}: squared gradients of {len(weights)} matrices over {len(samples)} "
          f"samples of {args.length} tokens; {peak:.1f} GB of memory at most")


def main():
    args = parse_args()
    try:
        run(args)
    except (InputError, OSError) as error:
        sys.exit(f"densq-gradients: error: {error}")
    except KeyboardInterrupt:
        sys.exit("densq-gradients: interrupted; the same command goes on from the last save")


if __name__ == "__main__":
    main()
