# SPDX-License-Identifier: MIT
"""Let a quantized model learn from the unquantized one.

Reads a .densq file and the model folder that it was made from, and writes a .densq
file of the same size whose tables, sparse values, codes and vectors (gains of norms,
biases) bring its predictions closer to those of the model: it lessens the
Kullback-Leibler divergence of the next token's distribution, on a text of the user's.
A tenth of each text is held out: the file that is written is the one with the least
divergence on that.

Memory: the weights of two models and one gradient in --compute-dtype, and 16 bytes
a weight for codes that move, 4 with --codes fixed; the program says how much before
it begins.

A run that was interrupted goes on where it was when it is started again: its state
lies beside the output, under its name with .partial at the end.
"""
import argparse
from pathlib import Path

from .command import add_traceback_option, run_command


def parse_args(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help=".densq file, as densq quantize wrote it")
    parser.add_argument("--model", type=Path, required=True,
                        help="Hugging Face model folder that it was made from")
    parser.add_argument("--text", type=Path, required=True, action="append",
                        help="text to learn from (UTF-8); several of them take turns")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    parser.add_argument("--steps", type=int, default=600, help="(default %(default)s)")
    parser.add_argument("--batch", type=int, default=1,
                        help="windows of text in a step (default %(default)s)")
    parser.add_argument("--length", type=int, default=512,
                        help="tokens in a window (default %(default)s)")
    parser.add_argument("--held-out", type=int, default=12, metavar="WINDOWS",
                        help="of held-out text, 13 times measured (default %(default)s)")
    parser.add_argument("--codes", choices=("move", "fixed"), default="move",
                        help="whether codes may change (default %(default)s)")
    parser.add_argument("--rate", type=float, default=1.5e-3,
                        help="of tables, sparse values and vectors: a step's largest change, as a "
                        "part of what is usual in their row or vector (default %(default)s)")
    parser.add_argument("--code-rate", type=float, default=3.5e-3,
                        help="the same, of what decides codes (default %(default)s)")
    parser.add_argument("--compute-dtype", choices=("bf16", "f32"), default="f32",
                        help="of weights, activations and gradients (default %(default)s)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    add_traceback_option(parser)
    return parser.parse_args(arguments)


def run(args):
    from . import tuning  # loads PyTorch, which takes seconds
    tuning.run(args)


def main(arguments=None):
    run_command("densq-tune", run, parse_args(arguments),
                "the same command goes on from the last save")


if __name__ == "__main__":
    main()
