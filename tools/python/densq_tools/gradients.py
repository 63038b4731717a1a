# SPDX-License-Identifier: MIT
"""Write the squared gradients of a Hugging Face causal language model.

For every matrix of the model, and every stack of matrices (experts), the output
holds the sum over the samples of the squared gradient of the sample's mean
cross-entropy, under the name and in the shape that it has in the checkpoint. It
holds nothing else: vectors, and the embedding and the output head without
--embeddings, are left out. Sums are accumulated in F32 and rounded once, when they
are saved. SqueezeLLM-gradients writes the same sums.

Memory: the weights in --compute-dtype, the sums in F32, the gradient of one layer,
and the activations of one sample; the program says how much before it begins.
Models larger than one GPU: --device auto lays their layers on all GPUs. Many
processes: torchrun --nproc-per-node N -m densq_tools.gradients ... gives each its
part of the samples, and its own GPU where there are some.

--moments also writes, for every matrix that the model multiplies (the output head
with --embeddings) and every expert of a stack, the second moment of its inputs: the
sum of x x^T over all tokens, each weighted by the mean squared gradient of the
outputs. Its upper triangle is stored row by row, in F32.

A run that was interrupted goes on where it was when it is started again: the sums
so far lie beside the output, under its name with .partial at the end.
"""
import argparse
from pathlib import Path

from .command import add_traceback_option, run_command

DTYPES = ("bf16", "f32")
DEFAULTS = {"samples": 100, "length": 512, "embeddings": False, "dtype": "bf16",
            "compute_dtype": "f32", "device": None, "output": Path("gradients.safetensors"),
            "moments": None, "moments_memory": None}


def parse_args(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face model folder")
    parser.add_argument("--text", type=Path, required=True, action="append",
                        help="calibration text (UTF-8); several of them give samples in turns")
    parser.add_argument("--samples", type=int,
                        help="windows of text, spread evenly over the files (default %(default)s)")
    parser.add_argument("--length", type=int,
                        help="tokens in a window (default %(default)s)")
    parser.add_argument("--embeddings", action="store_true",
                        help="squared gradients of the embedding and the output head too")
    parser.add_argument("--output", type=Path,
                        help="file to write (default %(default)s)")
    parser.add_argument("--moments", type=Path, metavar="FILE",
                        help="also write the second moments of what matrices are multiplied by, "
                        "for densq quantize --moments")
    parser.add_argument("--moments-memory", type=float, metavar="GB",
                        help="for their sums; the less, the more passes over the samples "
                        "(default: half of what is free)")
    parser.add_argument("--dtype", choices=DTYPES,
                        help="of all tensors in the file (default %(default)s)")
    parser.add_argument("--compute-dtype", choices=DTYPES,
                        help="of weights, activations and gradients (default %(default)s)")
    parser.add_argument("--device",
                        help="cpu, cuda, cuda:1, ...; auto: all GPUs, for a model larger than one "
                        "(default: a GPU if there is one)")
    add_traceback_option(parser)
    parser.set_defaults(**DEFAULTS)
    return parser.parse_args(arguments)


def run(args):
    """args: of parse_args, or of a program: one text or several, and defaults may be absent."""
    from . import measuring  # loads PyTorch, which takes seconds
    texts = args.text if isinstance(args.text, list) else [args.text]
    measuring.run(argparse.Namespace(**{**DEFAULTS, **vars(args), "text": texts}))


def main(arguments=None):
    run_command("densq-gradients", run, parse_args(arguments),
                "the same command goes on from the last save")


if __name__ == "__main__":
    main()
